package sqlitestore_test

import (
	"context"
	"errors"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

var someTime = time.Date(2026, 1, 2, 3, 4, 5, 6_789_000, time.UTC)

func isNotFound(err error) bool { return errors.Is(err, checkpoint.ErrNotFound) }
func isFenced(err error) bool   { return errors.Is(err, checkpoint.ErrFenced) }

func tryAcquire(ctx context.Context, d driver.Leaser, key, owner string, ttl time.Duration) (driver.Lease, error) {
	return driver.One(d.Acquire(ctx, []driver.Lease{{Key: key, Owner: owner, TTL: ttl}}))
}

func renew(ctx context.Context, d driver.Leaser, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
	lease.TTL = ttl
	return driver.One(d.Renew(ctx, []driver.Lease{lease}))
}

func release(ctx context.Context, d driver.Leaser, lease driver.Lease) error {
	_, err := driver.One(d.Release(ctx, []driver.Lease{lease}))
	return err
}
