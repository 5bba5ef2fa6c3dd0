// Package memstore keeps checkpoints in memory. It is the reference for what a
// driver does, and serves tests and examples: nothing in it outlives the
// process.
package memstore

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// Driver is a [driver.Driver] over a map. Time is the process's own, so that
// expiry works under testing/synctest.
type Driver struct {
	mu      sync.Mutex
	records map[string]driver.Record
	fences  map[string]uint64
	leases  map[string]driver.Lease
	failure error
	spare   []driver.Result
}

var (
	_ driver.Driver = (*Driver)(nil)
	_ driver.Leaser = (*Driver)(nil)
)

// New returns an empty store.
func New() *Driver {
	return &Driver{
		records: make(map[string]driver.Record),
		fences:  make(map[string]uint64),
		leases:  make(map[string]driver.Lease),
	}
}

// Name returns "Memory".
func (d *Driver) Name() string { return "Memory" }

// Damage makes what is stored at key unreadable, so that a test can see what
// its code does about [checkpoint.ErrCorrupt]. It stores something where there
// was nothing.
func (d *Driver) Damage(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.records[key]
	d.records[key] = driver.Record{
		Key:       key,
		ExpiresAt: r.ExpiresAt,
		LogID:     r.LogID,
		Err:       fmt.Errorf("%w: it was damaged on purpose", checkpoint.ErrCorrupt),
	}
}

// Fail makes every call fail with err, as an engine does that cannot be
// reached, until it is called again with nil.
func (d *Driver) Fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failure = err
}

// begin locks d for one step of a call, unless the call must fail.
func (d *Driver) begin(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	d.mu.Lock()
	if d.failure != nil {
		defer d.mu.Unlock()
		return d.failure
	}
	return nil
}

// load is the record at key, if it has not expired.
func (d *Driver) load(key string) (driver.Record, bool) {
	r, ok := d.records[key]
	if ok && !r.ExpiresAt.IsZero() && !time.Now().Before(r.ExpiresAt) {
		delete(d.records, key)
		return driver.Record{}, false
	}
	return r, ok
}

// Get implements [driver.Driver].
func (d *Driver) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	records := make([]driver.Record, len(keys))
	for i, key := range keys {
		r, ok := d.load(key)
		if !ok {
			r = driver.Record{Key: key, Err: checkpoint.ErrNotFound}
		}
		records[i] = r
	}
	return records, nil
}

// Write implements [driver.Driver].
func (d *Driver) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	if err := d.begin(ctx); err != nil {
		results := make([]driver.Result, len(writes))
		for i := range results {
			results[i] = failed(err)
		}
		return results, nil
	}
	defer d.mu.Unlock()
	results := d.results(len(writes))
	for i := range writes {
		results[i] = d.write(&writes[i])
	}
	return results, nil
}

// results cuts from a larger slice, so that few of the calls allocate.
func (d *Driver) results(n int) []driver.Result {
	const ahead = 64
	if n > len(d.spare) {
		d.spare = make([]driver.Result, max(n, ahead))
	}
	var results []driver.Result
	results, d.spare = d.spare[:n:n], d.spare[n:]
	return results
}

func (d *Driver) write(w *driver.Write) driver.Result {
	fence := d.fences[w.Key]
	if w.Epoch != 0 && w.Epoch < fence {
		return driver.Result{Outcome: driver.Fenced, Epoch: fence}
	}
	stored, exists := d.load(w.Key)
	epoch := w.Epoch
	switch w.Mode {
	case driver.Touch:
		if !exists {
			return failed(checkpoint.ErrNotFound)
		}
		if stored.Err != nil {
			return failed(stored.Err)
		}
		stored.ExpiresAt = expiry(w.TTL)
		d.records[w.Key] = stored
		d.raise(w.Key, epoch)
		return driver.Result{Outcome: driver.Unchanged, Epoch: fence}
	case driver.Rewind:
		epoch = max(fence, w.Epoch)
		if epoch == math.MaxUint64 {
			return failed(driver.ErrEpochExhausted)
		}
		epoch++
	case driver.IfNewer:
		if exists && stored.Err != nil {
			return failed(stored.Err)
		}
	}
	d.raise(w.Key, epoch)

	outcome := driver.Advanced
	if w.Mode == driver.IfNewer && exists {
		switch w.Position.Compare(stored.Position) {
		case -1:
			return driver.Result{Outcome: driver.Stale, Epoch: epoch}
		case 0:
			outcome = driver.Unchanged
		}
	}
	d.records[w.Key] = driver.Record{
		Key:       w.Key,
		Position:  w.Position,
		UpdatedAt: w.UpdatedAt,
		ExpiresAt: expiry(w.TTL),
		Epoch:     epoch,
		LogID:     cmp.Or(w.LogID, stored.LogID),
	}
	return driver.Result{Outcome: outcome, Epoch: epoch}
}

func failed(err error) driver.Result { return driver.Result{Outcome: driver.Failed, Err: err} }

func (d *Driver) raise(key string, epoch uint64) {
	if epoch > d.fences[key] {
		d.fences[key] = epoch
	}
}

func expiry(ttl time.Duration) time.Time {
	if ttl == 0 {
		return time.Time{}
	}
	return time.Now().UTC().Truncate(time.Millisecond).Add(ttl)
}

// Delete implements [driver.Driver].
func (d *Driver) Delete(ctx context.Context, keys []string) (int, error) {
	if err := d.begin(ctx); err != nil {
		return 0, err
	}
	defer d.mu.Unlock()
	n := 0
	for _, key := range keys {
		if _, ok := d.load(key); ok {
			delete(d.records, key)
			n++
		}
	}
	return n, nil
}

// Scan implements [driver.Driver]. It walks the keys that are there when the
// loop begins, in order.
func (d *Driver) Scan(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		keys, err := d.matching(ctx, pattern)
		if err != nil {
			yield(nil, err)
			return
		}
		for page := range slices.Chunk(keys, pageSize) {
			if err := d.begin(ctx); err != nil {
				yield(nil, err)
				return
			}
			d.mu.Unlock()
			if !yield(page, nil) {
				return
			}
		}
	}
}

func (d *Driver) matching(ctx context.Context, pattern string) ([]string, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	var keys []string
	for key := range d.records {
		if _, ok := d.load(key); ok && checkpoint.MatchPattern(pattern, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// Close implements [driver.Driver].
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failure = checkpoint.ErrClosed
	return nil
}
