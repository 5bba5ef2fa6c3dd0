package sqlitestore

import (
	"context"
	"slices"

	"github.com/checkpointstore/checkpoint/driver"
)

// chunk is how many writes of one call go into one transaction.
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
		return repeat(driver.Result{Outcome: driver.Failed, Err: err}, len(writes))
	}
	// The writer may still read the slice when the caller has given up.
	own := slices.Clone(writes)
	results := make([]driver.Result, len(own))
	e := d.writer.do(ctx, len(own), func(t *transaction) error {
		for i := range own {
			var err error
			if results[i], err = t.write(&own[i]); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case e.err == nil:
		return results
	case e.unknown:
		return repeat(driver.Result{Outcome: driver.Unknown, Err: d.failure(ctx, e.err)}, len(writes))
	}
	return repeat(driver.Result{Outcome: driver.Failed, Err: d.failure(ctx, e.err)}, len(writes))
}

func repeat(r driver.Result, n int) []driver.Result { return slices.Repeat([]driver.Result{r}, n) }

// Delete implements [driver.Driver].
func (d *Driver) Delete(ctx context.Context, keys []string) (int, error) {
	total := 0
	for part := range slices.Chunk(keys, chunk) {
		if err := d.ready(ctx); err != nil {
			return total, err
		}
		own, n, by := slices.Clone(part), 0, driver.ByOf(ctx)
		e := d.writer.do(ctx, len(own), func(t *transaction) (err error) {
			n, err = t.remove(own, by)
			return err
		})
		if e.err != nil {
			return total, d.failure(ctx, e.err)
		}
		total += n
	}
	return total, nil
}
