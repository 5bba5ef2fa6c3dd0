package pgstore

import (
	"context"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// chunk is how many changes of one call go into one transaction.
const chunk = 1000

// Write implements [driver.Driver].
func (d *Driver) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, 0, len(writes))
	for part := range slices.Chunk(writes, chunk) {
		results = append(results, d.writeChunk(ctx, part)...)
	}
	return results, nil
}

func (d *Driver) writeChunk(ctx context.Context, writes []driver.Write) []driver.Result {
	if err := d.ready(ctx); err != nil {
		return repeat(driver.Failed, err, len(writes))
	}
	// The transaction may still read the slices when the caller has given up.
	own := slices.Clone(writes)
	results := make([]driver.Result, len(own))
	all := make([]change, len(own))
	changes := make([]*change, len(own))
	for i := range own {
		all[i] = writing(&own[i], &results[i])
		changes[i] = &all[i]
	}
	if begun, err := d.writer.do(ctx, changes); err != nil {
		if begun {
			return repeat(driver.Unknown, d.failure(ctx, err), len(writes))
		}
		return repeat(driver.Failed, d.failure(ctx, err), len(writes))
	}
	for i, c := range changes {
		switch {
		case c.end.err == nil:
		case c.end.unknown:
			results[i] = driver.Result{Outcome: driver.Unknown, Err: d.failure(ctx, c.end.err)}
		default:
			results[i] = driver.Result{Outcome: driver.Failed, Err: d.failure(ctx, c.end.err)}
		}
	}
	return results
}

// writing returns the change that w is. Its answer is in result.
func writing(w *driver.Write, result *driver.Result) change {
	c := change{key: w.Key, reads: checkpoints}
	if w.Epoch != 0 || cell.Audited(w) {
		c.reads |= fences
	}
	c.decide = func(before cell.Cell, now time.Time) (after cell.Cell, left trace) {
		after, *result = before.Write(*w, now)
		left.entry = cell.WriteEntry(&before, &after, w, *result, now)
		if s, ok := cell.WriteSample(&before, w, *result, now); ok {
			left.sample = &s
		}
		return after, left
	}
	if w.Mode == driver.IfNewer && w.By == nil && w.TTL == 0 && !w.UpdatedAt.IsZero() {
		c.usual = w
		*result = driver.Result{Outcome: driver.Advanced} // the only answer of the usual statement
	}
	return c
}

func repeat(o driver.Outcome, err error, n int) []driver.Result {
	return slices.Repeat([]driver.Result{{Outcome: o, Err: err}}, n)
}

// Delete implements [driver.Driver].
func (d *Driver) Delete(ctx context.Context, keys []string) (int, error) {
	if err := d.ready(ctx); err != nil {
		return 0, err
	}
	total := 0
	for part := range slices.Chunk(keys, chunk) {
		gone := make([]bool, len(part))
		err := d.make(ctx, part, checkpoints|fences, deleting(ctx, gone))
		if err != nil {
			return total, err
		}
		total += count(gone)
	}
	return total, nil
}

// deleting returns the decisions of a Delete. Their answers are in gone.
func deleting(ctx context.Context, gone []bool) decisions {
	by := driver.ByOf(ctx)
	return func(i int, before cell.Cell, now time.Time) (after cell.Cell, left trace) {
		after, gone[i] = before.Delete(now)
		return after, trace{entry: cell.DeleteEntry(before, after, gone[i], by, now)}
	}
}

// decisions are the decisions of many keys.
type decisions func(i int, before cell.Cell, now time.Time) (after cell.Cell, left trace)

// changes returns the change of each key.
func (d decisions) changes(keys []string, reads parts) []*change {
	changes := make([]*change, len(keys))
	for i, key := range keys {
		changes[i] = &change{key: key, reads: reads, decide: func(before cell.Cell, now time.Time) (cell.Cell, trace) {
			return d(i, before, now)
		}}
	}
	return changes
}

// make makes a change to each of keys. After an error they may have been made, and may
// still be under way.
func (d *Driver) make(ctx context.Context, keys []string, reads parts, decide decisions) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	if len(keys) == 0 {
		return nil
	}
	changes := decide.changes(keys, reads)
	if _, err := d.writer.do(ctx, changes); err != nil {
		return d.failure(ctx, err)
	}
	for _, c := range changes {
		if c.end.err != nil {
			return d.failure(ctx, c.end.err)
		}
	}
	return nil
}

func count(all []bool) (n int) {
	for _, is := range all {
		if is {
			n++
		}
	}
	return n
}
