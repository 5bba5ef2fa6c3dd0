package etcdstore

import (
	"context"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Write implements [driver.Driver].
func (d *Driver) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	changes := make([]*change, len(writes))
	for i, w := range writes {
		reads := readsCheckpoint
		audits := cell.Audited(&w)
		if w.Epoch != 0 || audits {
			reads = readsFenced
		}
		changes[i] = &change{
			key: w.Key, reads: reads, audits: audits,
			decide: func(c cell.Cell, now time.Time) decision {
				w := w
				w.TTL = driver.RoundTTL(d, w.TTL)
				after, r := c.Write(w, now)
				made := decision{cell: after, answer: r, entry: cell.WriteEntry(&c, &after, &w, r, now)}
				if sample, ok := cell.WriteSample(&c, &w, r, now); ok {
					made.sample = new(sample)
				}
				return made
			},
		}
	}
	d.do(ctx, changes)
	results := make([]driver.Result, len(writes))
	for i, c := range changes {
		r, err := answerOf[driver.Result](c)
		if err != nil {
			r = driver.Result{Outcome: driver.Failed, Err: err}
			if c.doubt {
				r.Outcome = driver.Unknown
			}
		}
		results[i] = r
	}
	return results, nil
}

// Delete implements [driver.Driver]. Each change is on a majority of the members when
// its call returns. So a call without keys has nothing to wait for.
func (d *Driver) Delete(ctx context.Context, keys []string) (int, error) {
	changes := make([]*change, len(keys))
	for i, key := range keys {
		changes[i] = &change{key: key, reads: readsFenced, audits: true, decide: func(c cell.Cell, now time.Time) decision {
			after, there := c.Delete(now)
			return decision{cell: after, answer: there, entry: cell.DeleteEntry(c, after, there, driver.ByOf(ctx), now)}
		}}
	}
	return d.count(ctx, changes)
}

// count makes changes whose answers are true or false, and counts the true ones.
func (d *Driver) count(ctx context.Context, changes []*change) (n int, err error) {
	if err := d.ready(ctx); err != nil {
		return 0, err
	}
	d.do(ctx, changes)
	for _, c := range changes {
		done, failure := answerOf[bool](c)
		if done {
			n++
		}
		if err == nil {
			err = failure
		}
	}
	return n, err
}
