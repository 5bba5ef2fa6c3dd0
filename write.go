package checkpoint

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// Set stores p at key whatever is there, even over a newer position or a damaged
// checkpoint. Consumers call [Store.SetIfNewer] instead.
func (s *Store) Set(ctx context.Context, key string, p Position, opts ...WriteOption) error {
	_, err := s.writeOne(ctx, opSet, driver.Set, &Write{Key: key, Mark: Mark{Position: p}}, opts)
	return err
}

// SetIfNewer stores p at key unless a newer position is there. It compares and stores
// in one atomic step. If a newer position is there, it stays, and SetIfNewer returns
// false. If an equal position is there, SetIfNewer refreshes updatedAt, expiry, epoch and
// LogID, and returns true. If the checkpoint is damaged, SetIfNewer changes nothing and
// returns [ErrCorrupt].
func (s *Store) SetIfNewer(ctx context.Context, key string, p Position, opts ...WriteOption) (bool, error) {
	r, err := s.writeOne(ctx, opSetIfNewer, driver.IfNewer, &Write{Key: key, Mark: Mark{Position: p}}, opts)
	return err == nil && r.Outcome.Landed(), err
}

// Rewind stores p at key, whatever is there. In the same step it raises the key's fence,
// the highest epoch that the key has seen, by one, and writes with the new epoch. From
// then on a consumer that still writes with an older epoch fails with [ErrFenced], and
// cannot undo the rewind. Rewind returns the checkpoint that it wrote. The ExpiresAt of
// this checkpoint is by this machine's clock. Its LogID is empty unless the option
// [LogID] gave one.
//
// With the option [Epoch] the rewind itself fails with [ErrFenced] if this epoch is below
// the fence. Otherwise the new fence is one above this epoch. If the fence is damaged,
// Rewind changes nothing and returns [ErrCorrupt].
func (s *Store) Rewind(ctx context.Context, key string, p Position, opts ...WriteOption) (Checkpoint, error) {
	w := Write{Key: key, Mark: Mark{Position: p}}
	r, err := s.writeOne(ctx, opRewind, driver.Rewind, &w, opts)
	if err != nil {
		return Checkpoint{}, err
	}
	c := Checkpoint{Key: key, Mark: w.Mark}
	c.Epoch = r.Epoch
	if w.TTL > 0 {
		c.ExpiresAt = time.Now().UTC().Truncate(time.Millisecond).Add(driver.RoundTTL(s.driver, w.TTL))
	}
	return c, nil
}

// writeOne makes w. Afterwards w has the options, and the time and TTL that were sent.
func (s *Store) writeOne(ctx context.Context, op string, mode driver.Mode, w *Write, opts []WriteOption) (driver.Result, error) {
	w.apply(opts)
	c := call{Call: Call{Op: op, Key: w.Key, Size: 1}}
	if s.observed {
		c.Write = *w
	}
	ctx = s.begin(ctx, &c)
	single := singleWrites.Get().(*[1]driver.Write)
	r := driver.Result{Outcome: driver.Failed}
	err := s.forDriver(&c, w, mode, &single[0])
	if err == nil {
		w.TTL, w.UpdatedAt = single[0].TTL, single[0].UpdatedAt
		r, err = s.send(ctx, single)
	}
	err = c.wrap(err)
	if s.observed {
		result := CallResult{Outcome: r.Outcome, Err: err}
		result.count(result.Outcome)
		s.end(&c, result)
	}
	return r, err
}

var singleWrites = sync.Pool{New: func() any { return new([1]driver.Write) }}

// send calls the driver's Write for one write, and returns the error of its result. It may
// put the array back into the pool.
func (s *Store) send(ctx context.Context, single *[1]driver.Write) (driver.Result, error) {
	if err := s.ready(ctx); err != nil {
		return driver.Result{Outcome: driver.Failed}, err
	}
	results, err := s.driver.Write(ctx, single[:])
	if err != nil {
		return driver.Result{}, err
	}
	if len(results) != 1 {
		return driver.Result{}, fmt.Errorf("the driver answered 1 write with %d results", len(results))
	}
	r := results[0]
	if err := resultError(&single[0], r); err != nil {
		// A driver that gave up waiting could, against its contract, still be
		// reading the array.
		return r, err
	}
	singleWrites.Put(single)
	return r, nil
}

// resultError returns an error for each result that the caller must not take for an
// answer, otherwise nil.
func resultError(w *driver.Write, r driver.Result) error {
	switch {
	case r.Outcome == driver.Fenced:
		return fmt.Errorf("%w: this write carries epoch %d, the key has seen %d", ErrFenced, w.Epoch, r.Epoch)
	case r.Err != nil:
		return r.Err
	case r.Outcome == driver.Unknown || r.Outcome == driver.Failed:
		return fmt.Errorf("the driver gave no reason for outcome %q", r.Outcome)
	}
	return nil
}
