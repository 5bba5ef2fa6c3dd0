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

// Acquire implements [driver.Leaser]. After an error that too few replicas have
// the lease, the master has granted it.
func (d *Driver) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, "a", leases)
}

// Renew implements [driver.Leaser]. After an error that too few replicas have
// the lease, the master has renewed it.
func (d *Driver) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, "n", leases)
}

// Release implements [driver.Leaser].
func (d *Driver) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, "l", leases)
}

func (d *Driver) leases(ctx context.Context, mode string, leases []driver.Lease) ([]driver.LeaseResult, error) {
	replies, err := d.runFenced(ctx, leaseScript, len(leases), func(i int, args []any) []any {
		l := &leases[i]
		if mode == "a" {
			args = append(args, "2", d.fenceKey(l.Key), d.prefix+l.Key)
		} else {
			args = append(args, "1", d.fenceKey(l.Key))
		}
		return append(args, mode, l.Owner, strconv.FormatUint(l.Epoch, 10), strconv.FormatInt(l.TTL.Milliseconds(), 10))
	})
	if err != nil {
		return nil, err
	}
	results := make([]driver.LeaseResult, len(leases))
	for i, l := range leases {
		if results[i].Err = replies[i].err; results[i].Err == nil {
			results[i].Lease, results[i].Err = d.leased(l, replies[i].value)
		}
		if results[i].Err == nil && replies[i].doubt != nil {
			results[i] = driver.LeaseResult{Err: replies[i].doubt}
		}
	}
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

// RaiseFence implements [driver.Fencer].
func (d *Driver) RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	replies, err := d.runFenced(ctx, fenceScript, 1, func(_ int, args []any) []any {
		return append(args, "2", d.fenceKey(key), d.prefix+key, "f", strconv.FormatUint(atLeast, 10))
	})
	if err == nil {
		err = replies[0].err
	}
	if err != nil {
		return 0, err
	}
	code, detail := decodeReply(replies[0].value)
	switch code {
	case int64(1):
		if fence, ok := canonical(detail.text(0)); ok {
			return fence, replies[0].doubt
		}
	case int64(3):
		return 0, nil
	}
	return 0, d.fenceFault(key, code, detail, replies[0].value)
}

// ReleaseFences implements [driver.Fencer].
func (d *Driver) ReleaseFences(ctx context.Context, keys []string, idle time.Duration) (int, error) {
	replies, err := d.runFenced(ctx, fenceScript, len(keys), func(i int, args []any) []any {
		return append(args, "2", d.fenceKey(keys[i]), d.prefix+keys[i], "x", strconv.FormatInt(idle.Milliseconds(), 10))
	})
	n := 0
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

// A reply is what a script answered.
type reply struct {
	value any
	err   error
	doubt error // why replicas may not have what the script changed
}

// runFenced runs s n times, each for the fence of one key, in few round trips. An
// error beside the replies concerns those that are missing.
func (d *Driver) runFenced(ctx context.Context, s script, n int, args func(i int, args []any) []any) ([]reply, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	if !d.fenced {
		return nil, errNoFences
	}
	replies := make([]reply, 0, n)
	for from := 0; from < n; from += maxPipeline {
		part, err := d.runPart(ctx, s, from, min(from+maxPipeline, n), args)
		if err != nil {
			return replies, err
		}
		replies = append(replies, part...)
	}
	return replies, nil
}

// runPart runs s by its name, and by its text if a server does not know it. The
// script is then run again only for those that it did not run for.
func (d *Driver) runPart(ctx context.Context, s script, from, to int, args func(i int, args []any) []any) ([]reply, error) {
	replies := make([]reply, to-from)
	todo := make([]int, to-from)
	for i := range todo {
		todo[i] = i
	}
	for _, byName := range []bool{true, false} {
		cmds := make([]command, len(todo))
		for n, i := range todo {
			cmds[n] = change(ctx, args(from+i, s.call(make([]any, 0, 10), byName))...)
		}
		doubts, err := d.sendChanges(ctx, cmds...)
		if err != nil {
			return nil, err
		}
		for n, i := range todo {
			replies[i].value, replies[i].err = cmds[n].answer()
			replies[i].doubt = doubts.of(n)
		}
		todo = slices.DeleteFunc(todo, func(i int) bool { return !isNoScript(replies[i].err) })
		if len(todo) == 0 {
			break
		}
		if err := d.ready(ctx); err != nil {
			return nil, err
		}
	}
	return replies, nil
}
