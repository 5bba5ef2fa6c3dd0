package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// Acquire implements [driver.Leaser]. If the error says that too few replicas have the
// lease, the master has granted the lease.
func (d *Driver) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, "a", leases)
}

// Renew implements [driver.Leaser]. If the error says that too few replicas have the
// lease, the master has renewed the lease.
func (d *Driver) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, "n", leases)
}

// Release implements [driver.Leaser].
func (d *Driver) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, "l", leases)
}

func (d *Driver) leases(ctx context.Context, mode string, leases []driver.Lease) ([]driver.LeaseResult, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	if mode != "l" && d.masters.evict.Load() {
		return nil, errEvicted
	}
	replies := d.runFenced(ctx, leaseScript, len(leases), func(i int, args []any) []any {
		l := &leases[i]
		if mode == "a" {
			args = append(args, "3", d.fenceKey(l.Key), d.prefix+l.Key, d.auditKey(l.Key))
		} else {
			args = append(args, "1", d.fenceKey(l.Key))
		}
		return append(args, mode, l.Owner, strconv.FormatUint(l.Epoch, 10), strconv.FormatInt(l.TTL.Milliseconds(), 10))
	})
	results := make([]driver.LeaseResult, len(leases))
	var released []string
	for i, l := range leases {
		if results[i].Err = replies[i].err; results[i].Err == nil {
			results[i].Lease, results[i].Err = d.leased(l, replies[i].value)
		}
		if mode == "l" && results[i].Err == nil {
			released = append(released, l.Key)
		}
		if results[i].Err == nil && replies[i].doubt != nil {
			results[i] = driver.LeaseResult{Err: replies[i].doubt}
		}
	}
	d.publish(ctx, released)
	return results, nil
}

// leased reads the script's answer.
func (d *Driver) leased(l driver.Lease, reply any) (driver.Lease, error) {
	code, detail := decodeReply(reply)
	switch code {
	case int64(1):
		epoch, okEpoch := canonical(detail.text(0))
		until, okUntil := milliseconds(detail.text(1))
		if okEpoch && okUntil {
			l.Epoch, l.ExpiresAt = epoch, until
			return l, nil
		}
	case int64(2):
		if until, ok := milliseconds(detail.text(1)); ok {
			return driver.Lease{}, &driver.LeaseHeldError{Owner: detail.text(0), ExpiresAt: until}
		}
	case int64(3):
		return l, nil
	case int64(4):
		if len(detail) == 2 {
			return driver.Lease{}, fmt.Errorf("%w: %q has a lease with epoch %d, too", driver.ErrFenced, detail.text(1), l.Epoch)
		}
		return driver.Lease{}, fmt.Errorf("%w: the lease has epoch %d, the key has seen %s", driver.ErrFenced, l.Epoch, detail.text(0))
	case int64(5):
		return driver.Lease{}, damagedLease(d.fenceKey(l.Key), detail.text(0), detail.text(1))
	}
	return driver.Lease{}, d.fenceFault(l.Key, code, detail, reply)
}

// fenceFault is the error that a script answers about the fence of key.
func (d *Driver) fenceFault(key string, code any, detail details, reply any) error {
	switch code {
	case int64(7):
		return driver.ErrEpochExhausted
	case int64(8):
		return damagedFence(d.fenceKey(key), detail)
	}
	return unexpected("the script", reply)
}

// milliseconds reads a time by Redis's clock.
func milliseconds(s string) (time.Time, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return time.UnixMilli(n).UTC(), err == nil
}

// fenceArgs appends to args what fenceScript needs. Only a fence that is removed takes the
// samples with it: a user without their keys can raise a fence.
func (d *Driver) fenceArgs(args []any, key, mode, argument string) []any {
	if mode != "x" {
		return append(args, "3", d.fenceKey(key), d.prefix+key, d.auditKey(key), mode, argument)
	}
	samples, hours := d.samplesKeys(key)
	return append(args, "5", d.fenceKey(key), d.prefix+key, d.auditKey(key), samples, hours, mode, argument)
}

// RaiseFence implements [driver.Fencer].
func (d *Driver) RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	r := d.runFenced(ctx, fenceScript, 1, func(_ int, args []any) []any {
		return appendBy(d.fenceArgs(args, key, "f", strconv.FormatUint(atLeast, 10)), driver.ByOf(ctx))
	})[0]
	if r.err != nil {
		return 0, r.err
	}
	code, detail := decodeReply(r.value)
	switch code {
	case int64(1):
		if fence, ok := canonical(detail.text(0)); ok {
			d.publish(ctx, []string{key})
			return fence, r.doubt
		}
	case int64(3):
		return 0, nil
	}
	return 0, d.fenceFault(key, code, detail, r.value)
}

// ReleaseFences implements [driver.Fencer].
func (d *Driver) ReleaseFences(ctx context.Context, keys []string, idle time.Duration) (int, error) {
	replies := d.runFenced(ctx, fenceScript, len(keys), func(i int, args []any) []any {
		return d.fenceArgs(args, keys[i], "x", strconv.FormatInt(idle.Milliseconds(), 10))
	})
	n := 0
	var err error
	for _, r := range replies {
		switch code, _ := decodeReply(r.value); {
		case r.err != nil:
			err = errors.Join(err, r.err)
		case code == int64(2):
			n++
			err = errors.Join(err, r.doubt)
		case code != int64(3):
			err = errors.Join(err, unexpected("the script", r.value))
		}
	}
	return n, err
}

// runFenced runs s n times, each for the fence of one key.
func (d *Driver) runFenced(ctx context.Context, s *script, n int, args func(i int, to []any) []any) []reply {
	replies := make([]reply, 0, n)
	for len(replies) < n {
		from, some := len(replies), min(n-len(replies), maxPipeline)
		err := d.ready(ctx)
		if !d.fenced {
			err = errNoFences
		}
		if err != nil {
			replies = append(replies, slices.Repeat([]reply{{err: err}}, some)...)
			continue
		}
		replies = append(replies, d.run(ctx, s, some, func(i int, to []any) []any { return args(from+i, to) })...)
	}
	return replies
}
