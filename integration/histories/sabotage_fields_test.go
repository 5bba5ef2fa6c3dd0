package histories

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// expiring lets a checkpoint expire when an earlier write said so.
type expiring struct {
	engine
	mu   sync.Mutex
	ttls map[string]time.Duration
}

func (d *expiring) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return each(writes, func(w *driver.Write) driver.Result {
		w.TTL = cmp.Or(w.TTL, d.ttls[w.Key])
		d.ttls[w.Key] = w.TTL
		return one(ctx, d.engine, w)
	})
}

// rewriting touches a checkpoint by storing what it has read, and so what others did
// in between is undone.
type rewriting struct{ engine }

func (d rewriting) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	return each(writes, func(w *driver.Write) driver.Result {
		if w.Mode != driver.Touch {
			return one(ctx, d.engine, w)
		}
		records, err := d.Get(ctx, []string{w.Key})
		if err == nil {
			err = records[0].Err
		}
		if err != nil {
			return driver.Result{Outcome: driver.Failed, Err: err}
		}
		briefly()
		found := records[0]
		w.Mode, w.Position, w.UpdatedAt, w.LogID, w.Epoch = driver.Set, found.Position, found.UpdatedAt, found.LogID, found.Epoch
		r := one(ctx, d.engine, w)
		if r.Outcome == driver.Advanced {
			r.Outcome = driver.Unchanged
		}
		return r
	})
}

// naming takes a write that names no log for one to a log of its own.
type naming struct{ engine }

func (d naming) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	return each(writes, func(w *driver.Write) driver.Result {
		if w.Mode != driver.Touch {
			w.LogID = cmp.Or(w.LogID, "a third log")
		}
		return one(ctx, d.engine, w)
	})
}
