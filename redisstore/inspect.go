package redisstore

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var (
	_ driver.Leaser    = (*Driver)(nil)
	_ driver.Inspector = (*Driver)(nil)
	_ driver.Fencer    = (*Driver)(nil)
)

// Inspect implements [driver.Inspector].
func (d *Driver) Inspect(ctx context.Context, keys []string) ([]driver.Cell, error) {
	if !d.fenced {
		return nil, errNoFences
	}
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	cells := make([]driver.Cell, len(keys))
	err := inParallel(len(keys), maxInspect, maxReads, func(from, to int) error {
		return d.inspect(ctx, keys[from:to], cells[from:to])
	})
	if err != nil {
		return nil, err
	}
	return cells, nil
}

// inspect reads the cell of each of keys into cells. Outside of a cluster, one call of the
// script reads them all, and only a master's word counts that nothing is there. In a
// cluster, a replica redirects.
func (d *Driver) inspect(ctx context.Context, keys []string, cells []driver.Cell) error {
	if d.pipelines.cluster != nil {
		replies := d.run(ctx, inspectScript, len(keys), func(i int, to []any) []any { return d.inspectArgs(to, keys[i:i+1]) })
		for i, r := range replies {
			if err := d.cells(r, keys[i:i+1], cells[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	args := func(_ int, to []any) []any { return d.inspectArgs(to, keys) }
	replies := d.run(ctx, inspectScript, 1, args, query(ctx, "role"))
	if err := d.cells(replies[0], keys, cells); err != nil {
		return err
	}
	return requireMaster(replies[1].value, replies[1].err)
}

func (d *Driver) inspectArgs(args []any, keys []string) []any {
	args = append(args, 2*len(keys))
	for _, key := range keys {
		args = append(args, d.prefix+key, d.fenceKey(key))
	}
	return args
}

// cells reads the script's answer about keys.
func (d *Driver) cells(r reply, keys []string, cells []driver.Cell) error {
	if r.err != nil {
		return r.err
	}
	parts, _ := r.value.([]any)
	if len(parts) != 3*len(keys) {
		return unexpected("the script", r.value)
	}
	now := time.Now()
	for i, key := range keys {
		fence, _ := parts[3*i+2].([]any)
		var err error
		if cells[i], err = d.decodeCell(key, parts[3*i], parts[3*i+1], fence, now); err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) decodeCell(key string, checkpoint, ttl any, fence []any, now time.Time) (driver.Cell, error) {
	c := driver.Cell{Key: key}
	r := d.decode(key, checkpoint, ttl, now)
	switch {
	case errors.Is(r.Err, driver.ErrNotFound):
	case r.Err == nil:
		c.Checkpoint = driver.StoredCheckpoint{Exists: true, Mark: r.Mark, ExpiresAt: r.ExpiresAt}
	case errors.Is(r.Err, driver.ErrCorruptCheckpoint):
		c.Checkpoint = driver.StoredCheckpoint{Exists: true, Err: r.Err, ExpiresAt: r.ExpiresAt}
		if fields, _ := checkpoint.([]any); len(fields) == 5 {
			epoch, _ := fields[3].(string)
			c.Checkpoint.Epoch, _ = canonical(epoch)
			c.Checkpoint.LogID, _ = fields[4].(string)
		}
	default:
		return c, r.Err
	}
	if !d.fenced {
		return c, nil // a fence of this name belongs to another store
	}
	c.Fence = d.decodeFence(key, fence)
	if len(fence) == 6 {
		c.Lease = d.decodeLease(key, fence[2:])
	}
	return c, nil
}

// decodeFence reads what inspect.lua says of a fence.
func (d *Driver) decodeFence(key string, fields []any) driver.Fence {
	if len(fields) == 0 {
		return driver.Fence{}
	}
	text, _ := fields[0].(string)
	epoch, ok := canonical(text)
	if !ok || len(fields) != 6 {
		return driver.Fence{Err: damagedFence(d.fenceKey(key), details{text})}
	}
	f := driver.Fence{Epoch: epoch}
	raised, _ := fields[1].(string)
	if of, at, ok := strings.Cut(raised, "@"); ok && of == text {
		f.RaisedAt, _ = milliseconds(at)
	}
	return f
}

// decodeLease reads the fields owner, leaseEpoch, until and granted.
func (d *Driver) decodeLease(key string, fields []any) driver.StoredLease {
	l := driver.StoredLease{Lease: driver.Lease{Key: key}}
	if fields[0] == nil && fields[1] == nil && fields[2] == nil {
		return driver.StoredLease{}
	}
	text := func(i int) string {
		s, _ := fields[i].(string)
		return s
	}
	damaged := func(field string, i int) { l.Err = cmp.Or(l.Err, damagedLease(d.fenceKey(key), field, text(i))) }
	var ok bool
	if l.Epoch, ok = canonical(text(1)); !ok || l.Epoch == 0 {
		damaged("leaseEpoch", 1)
	}
	if l.Owner = text(0); l.Owner == "" {
		damaged("owner", 0)
	}
	until, ok := canonicalMilliseconds(text(2))
	if !ok {
		damaged("until", 2)
		return l
	}
	l.ExpiresAt = until
	if granted, ok := canonicalMilliseconds(text(3)); ok && granted.Before(until) {
		l.TTL = until.Sub(granted)
	}
	return l
}

func canonicalMilliseconds(s string) (time.Time, bool) {
	if _, ok := canonical(s); !ok || len(s) > 15 {
		return time.Time{}, false
	}
	return milliseconds(s)
}

// ScanCells implements [driver.Inspector]. It walks the checkpoints, and then the
// fences of keys that have none. It reads the next page while the caller works on
// the one before it.
func (d *Driver) ScanCells(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]driver.Cell, error] {
	return ahead(ctx, func(ctx context.Context) iter.Seq2[[]driver.Cell, error] {
		return d.scanCells(ctx, pattern, pageSize)
	})
}

func (d *Driver) scanCells(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]driver.Cell, error] {
	return func(yield func([]driver.Cell, error) bool) {
		for keys, err := range d.scanAll(ctx, pattern, pageSize) {
			var cells []driver.Cell
			if err == nil {
				cells, err = d.Inspect(ctx, keys)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			cells = slices.DeleteFunc(cells, func(c driver.Cell) bool { return !c.Holds() })
			if len(cells) > 0 && !yield(cells, nil) {
				return
			}
		}
	}
}

func (d *Driver) scanAll(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		seen := make(map[string]struct{})
		checkpoints := d.walk(ctx, driver.QuotePattern(d.prefix)+pattern, pageSize, seen, d.keyOfCheckpoint)
		fences := d.walk(ctx, driver.QuotePattern(d.namespace+fencePrefix)+"*", pageSize, seen, func(redisKey string) (string, bool) {
			key, ok := d.keyOfFence(redisKey)
			return key, ok && driver.MatchPattern(pattern, key)
		})
		for _, walk := range []iter.Seq2[[]string, error]{checkpoints, fences} {
			for keys, err := range walk {
				if !yield(keys, err) || err != nil {
					return
				}
			}
		}
	}
}

func (d *Driver) keyOfCheckpoint(redisKey string) (string, bool) {
	key := strings.TrimPrefix(redisKey, d.prefix)
	return key, key != ""
}

// keyOfFence returns the key whose fence is at redisKey, if redisKey is a
// fence's.
func (d *Driver) keyOfFence(redisKey string) (string, bool) {
	rest, ok := strings.CutPrefix(redisKey, d.namespace+fencePrefix+"{")
	if !ok {
		return "", false
	}
	tag, key, ok := strings.Cut(rest, "}:")
	if !ok {
		key, ok = strings.CutPrefix(strings.TrimSuffix(tag, "}"), d.prefix)
	}
	return key, ok && key != "" && d.fenceKey(key) == redisKey
}
