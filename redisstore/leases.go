package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.LeaseReader = (*Driver)(nil)

// maxLeases is how many leases one pipeline reads. The server takes about a microsecond for
// each.
const maxLeases = 1000

// Leases implements [driver.LeaseReader]. It reads up to 1000 leases in a round trip.
func (d *Driver) Leases(ctx context.Context, keys []string) ([]driver.StoredLease, error) {
	if !d.fenced {
		return nil, errNoFences
	}
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	leases := make([]driver.StoredLease, len(keys))
	err := inParallel(len(keys), maxLeases, maxReads, func(from, to int) error {
		return d.readLeases(ctx, keys[from:to], leases[from:to])
	})
	if err != nil {
		return nil, err
	}
	return leases, nil
}

func (d *Driver) readLeases(ctx context.Context, keys []string, leases []driver.StoredLease) error {
	cmds := make([]command, len(keys), len(keys)+1)
	for i, key := range keys {
		cmds[i] = query(ctx, "hmget", d.fenceKey(key), "epoch", "raised", "owner", "leaseEpoch", "until", "granted")
	}
	if d.pipelines.cluster == nil {
		cmds = append(cmds, query(ctx, "role"))
	}
	replies := d.send(ctx, cmds...)
	for i, key := range keys {
		r := replies[i]
		if redis.HasErrorPrefix(r.err, "WRONGTYPE") {
			continue // it is no fence, and has no lease
		}
		if r.err != nil {
			return r.err
		}
		fields, _ := r.value.([]any)
		if len(fields) != 6 {
			return unexpected("HMGET", r.value)
		}
		fence, lease := d.decodeFence(key, fields), d.decodeLease(key, fields[2:])
		if lease.Err != nil || lease.Epoch >= fence.Epoch {
			leases[i] = lease
		}
	}
	if d.pipelines.cluster == nil {
		return requireMaster(replies[len(keys)].value, replies[len(keys)].err)
	}
	return nil
}
