package histories

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/checkpointstore/checkpoint/driver"
)

// repeating sends a Set again when the answer is lost, and so what others did in
// between is undone.
type repeating struct{ engine }

func (d repeating) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	return each(writes, func(w *driver.Write) driver.Result {
		if w.Mode == driver.Set && rand.IntN(4) == 0 {
			_ = one(ctx, d.engine, w) // the answer that is lost
			briefly()
		}
		return one(ctx, d.engine, w)
	})
}

// emptyHanded sometimes cannot reach the engine, and takes that for an answer.
type emptyHanded struct{ engine }

func (d emptyHanded) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if rand.IntN(20) != 0 {
		return d.engine.Get(ctx, keys)
	}
	records := make([]driver.Record, len(keys))
	for i, key := range keys {
		records[i] = driver.Record{Key: key, Err: driver.ErrNotFound}
	}
	return records, nil
}

// pessimist says of some writes that have landed that they Failed.
type pessimist struct{ engine }

func (d pessimist) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results, err := d.engine.Write(ctx, writes)
	for i := range results {
		if rand.IntN(20) == 0 {
			results[i] = driver.Result{Outcome: driver.Failed, Err: errors.New("no answer")}
		}
	}
	return results, err
}

// optimist says of some writes that they have landed before it knows.
type optimist struct{ engine }

func (d optimist) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	return each(writes, func(w *driver.Write) driver.Result {
		if w.Mode == driver.Set && w.Epoch == 0 && rand.IntN(20) == 0 {
			return driver.Result{Outcome: driver.Advanced}
		}
		return one(ctx, d.engine, w)
	})
}

// caching sometimes answers what it has read before, as a replica that lags.
type caching struct {
	engine
	mu  sync.Mutex
	old map[string]driver.Record
}

func (d *caching) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	records, err := d.engine.Get(ctx, keys)
	for i, r := range records {
		if old, ok := d.old[r.Key]; ok && rand.IntN(10) == 0 {
			records[i] = old
		}
		d.old[r.Key] = r
	}
	return records, err
}
