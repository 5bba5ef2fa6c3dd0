package etcdstore

import (
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

func valueOf(kvs []*mvccpb.KeyValue) value {
	if len(kvs) == 0 {
		return value{}
	}
	return value{data: kvs[0].Value, revision: kvs[0].ModRevision, etcdLease: clientv3.LeaseID(kvs[0].Lease)}
}

// cell decodes s as the rules must see it at now. What is there has not ended, and what
// is gone has, whatever the times say: they are of another machine's clock, perhaps.
func (d *Driver) cell(key string, s *state, now time.Time) cell.Cell {
	c := cell.Cell{
		Key:        key,
		Checkpoint: decodeCheckpoint(d.etcdKey(checkpointPart, key), s[checkpointPart], d.noShortcuts),
		Fence:      decodeFence(d.etcdKey(fencePart, key), s[fencePart]),
		Lease:      decodeLease(key, d.etcdKey(leasePart, key), d.etcdKey(heldPart, key), s[leasePart], s[heldPart]),
	}
	if at := &c.Checkpoint.ExpiresAt; !at.IsZero() {
		*at = after(*at, now)
	}
	if at := &c.Lease.ExpiresAt; !at.IsZero() {
		if s.held() {
			*at = after(*at, now)
		} else if at.After(now) {
			*at = now.UTC().Truncate(time.Millisecond)
		}
	}
	return c
}

// held reports whether a lease lasts.
func (s *state) held() bool { return s[heldPart].revision != 0 }

// after returns t, or a time soon after now if t is not after now.
func after(t, now time.Time) time.Time {
	if t.After(now) {
		return t
	}
	return now.UTC().Truncate(time.Millisecond).Add(unit)
}

// A diff is what a rule has changed in a cell.
type diff struct {
	checkpoint, fence, lease bool
	before, after            *cell.Cell
}

func differ(before, after *cell.Cell) diff {
	return diff{
		checkpoint: before.Checkpoint != after.Checkpoint,
		fence:      before.Fence != after.Fence,
		lease:      before.Lease != after.Lease,
		before:     before, after: after,
	}
}

func (d *diff) any() bool { return d.checkpoint || d.fence || d.lease }

// checkpointTTL returns how long the checkpoint lives that the change leaves, or zero if
// it needs no etcd lease.
func (d *diff) checkpointTTL(now time.Time) time.Duration {
	at := d.after.Checkpoint.ExpiresAt
	if !d.checkpoint || at.IsZero() {
		return 0
	}
	if ttl := at.Sub(now); ttl <= maxTTL {
		return ttl
	}
	return 0 // it outlives etcd's longest lease
}

// leaseTTL returns the TTL of the lease that the change leaves, or zero if it leaves
// none.
func (d *diff) leaseTTL() time.Duration {
	if !d.lease || !d.after.Lease.Exists() {
		return 0
	}
	return d.after.Lease.TTL
}

// renews reports whether the change makes a lease last longer that has not ended.
func (d *diff) renews(s *state) bool {
	was, is := &d.before.Lease, &d.after.Lease
	return d.lease && s.held() && was.Err == nil &&
		was.Owner == is.Owner && was.Epoch == is.Epoch && was.TTL == is.TTL
}

// unit and minimum are those of etcd's leases. The minimum follows from the servers'
// election timeout, and is that of the default: 1.5 seconds, rounded up.
const (
	unit    = time.Second
	minimum = 2 * time.Second
	maxTTL  = 9_000_000_000 * time.Second // the longest lease that etcd grants
)

var _ driver.TTLUnit = (*Driver)(nil)

// TTLUnit returns a second, and the shortest etcd lease that the servers grant: two
// seconds, or more if a server has granted no shorter one.
func (d *Driver) TTLUnit() (time.Duration, time.Duration) {
	return unit, time.Duration(d.minimum.Load())
}
