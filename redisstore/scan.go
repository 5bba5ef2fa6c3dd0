package redisstore

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
)

// Scan implements [driver.Driver]. In a cluster it walks the masters one after
// another. Whatever could take a key past it (slots that move, a server that
// restarts or is replaced) makes it walk again, and end with an error where
// that does not end.
func (d *Driver) Scan(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		if err := d.ready(ctx); err != nil {
			yield(nil, err)
			return
		}
		w := walk{
			driver: d, match: checkpoint.QuotePattern(d.prefix) + pattern, pageSize: pageSize,
			seen: newKeySet(), yield: yield,
		}
		var err error
		for range maxWalks {
			if err = w.run(ctx); err == nil || !errors.As(err, new(unsureError)) {
				break
			}
		}
		if err != nil && !w.stopped {
			yield(nil, err)
		}
	}
}

const maxWalks = 3

// unsureError says that a walk may have missed keys, and that another may not.
type unsureError struct{ error }

func (e unsureError) Unwrap() error { return e.error }

var errMoving = unsureError{errors.New("redisstore: the cluster is moving slots between its nodes, " +
	"so that a scan could miss keys: try again when it is done")}

// A walk yields every key that it has not seen yet.
type walk struct {
	driver   *Driver
	match    string
	pageSize int
	seen     *keySet
	page     []string // seen, but not yielded yet
	yield    func([]string, error) bool
	stopped  bool // the loop was left
}

// run walks all servers once.
func (w *walk) run(ctx context.Context) error {
	before, err := w.driver.topology(ctx)
	if err != nil {
		return err
	}
	for _, s := range before.servers {
		if err := w.server(ctx, s); err != nil || w.stopped {
			return err
		}
	}
	after, err := w.driver.topology(ctx)
	if err != nil {
		return err
	}
	if before.slots != after.slots || before.moving || after.moving {
		return errMoving
	}
	return nil
}

// server walks one server. The next step is under way while the caller is at
// the page of the one before.
func (w *walk) server(ctx context.Context, s server) error {
	steps := scanSteps{conn: s.Conn(), match: w.match, count: w.pageSize}
	defer steps.stop(ctx)
	for next := steps.start(ctx, 0); next != nil; {
		keys, cursor, err := next.wait(ctx)
		if err == nil {
			err = w.driver.ready(ctx)
		}
		if err != nil {
			if _, answered := errors.AsType[redis.Error](err); answered || w.driver.ready(ctx) != nil {
				return err
			}
			return unsureError{err}
		}
		next = nil
		if cursor != 0 {
			next = steps.start(ctx, cursor)
		}
		w.page = slices.Grow(w.page, len(keys))
		for _, redisKey := range keys {
			key := strings.TrimPrefix(redisKey, w.driver.prefix)
			if key != "" && w.seen.add(key) {
				w.page = append(w.page, key)
			}
		}
		if len(w.page) >= w.pageSize || next == nil && len(w.page) > 0 {
			if !w.yield(w.page, nil) {
				w.stopped = true
				return nil
			}
			w.page = nil
		}
	}
	return nil
}
