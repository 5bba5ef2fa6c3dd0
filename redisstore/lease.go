package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.Leaser = (*Driver)(nil)

// Acquire implements [driver.Leaser]. Where it fails because the answer was
// lost, or too few replicas have the lease, it may have been granted: the same
// owner gets another at once, and any other when it expires.
func (d *Driver) Acquire(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
	return d.lease(ctx, "a", driver.Lease{Key: key, Owner: owner}, ttl)
}

// Renew implements [driver.Leaser]. Where it fails because the answer was lost,
// or too few replicas have it, the lease may have been renewed.
func (d *Driver) Renew(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
	return d.lease(ctx, "n", lease, ttl)
}

// Release implements [driver.Leaser].
func (d *Driver) Release(ctx context.Context, lease driver.Lease) error {
	_, err := d.lease(ctx, "l", lease, 0)
	return err
}

// lease calls the script by its name, and by its text where the server does
// not know it.
func (d *Driver) lease(ctx context.Context, mode string, l driver.Lease, ttl time.Duration) (driver.Lease, error) {
	for byName := true; ; byName = false {
		if err := d.ready(ctx); err != nil {
			return driver.Lease{}, err
		}
		if !d.fenced {
			return driver.Lease{}, errNoFences
		}
		args := leaseScript.call(make([]any, 0, 9), byName)
		if mode == "a" {
			args = append(args, "2", d.fenceKey(l.Key), d.prefix+l.Key)
		} else {
			args = append(args, "1", d.fenceKey(l.Key))
		}
		cmd := change(ctx, append(args, mode, l.Owner,
			strconv.FormatUint(l.Epoch, 10), strconv.FormatInt(ttl.Milliseconds(), 10))...)
		found, err := d.sendChanges(ctx, cmd)
		if err != nil {
			return driver.Lease{}, err
		}
		reply, err := cmd.answer()
		switch {
		case byName && isNoScript(err):
		case err != nil:
			return driver.Lease{}, err
		default:
			granted, err := d.leased(l, reply)
			if err == nil && found.of(0) != nil {
				return driver.Lease{}, found.of(0)
			}
			return granted, err
		}
	}
}

// leased reads the script's answer.
func (d *Driver) leased(l driver.Lease, reply any) (driver.Lease, error) {
	fenceKey := d.fenceKey(l.Key)
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
		return driver.Lease{}, nil
	case int64(4):
		if len(detail) == 2 {
			return driver.Lease{}, fmt.Errorf("%w: %q has a lease with epoch %d, too", driver.ErrFenced, detail.text(1), l.Epoch)
		}
		return driver.Lease{}, fmt.Errorf("%w: the lease has epoch %d, the key has seen %s", driver.ErrFenced, l.Epoch, detail.text(0))
	case int64(5):
		if len(detail) == 1 {
			return driver.Lease{}, missingField(fenceKey, detail.text(0))
		}
		return driver.Lease{}, damaged(fenceKey, detail.text(0), detail.text(1))
	case int64(7):
		return driver.Lease{}, driver.ErrEpochExhausted
	case int64(8):
		return driver.Lease{}, damagedFence(fenceKey, detail)
	}
	return driver.Lease{}, fmt.Errorf("redisstore: the script answered %v", reply)
}

// milliseconds reads a time by Redis's clock.
func milliseconds(s string) (time.Time, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return time.UnixMilli(n).UTC(), err == nil
}
