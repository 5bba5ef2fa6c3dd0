package checkpoint

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A Cell is the checkpoint, the fence and the lease of one key, each of them absent, sound
// or damaged.
type Cell = driver.Cell

// Inspect returns the checkpoint, the fence and the lease of key, and changes nothing. If
// none is stored, it returns a Cell in which only Key is set, and no error. Damage is no
// error either: the Cell says what is damaged. If the engine cannot show its cells, the
// error is [ErrUnsupported].
func (s *Store) Inspect(ctx context.Context, key string) (Cell, error) {
	c := call{Call: Call{Op: opInspect, Key: key, Size: 1}}
	ctx = s.begin(ctx, &c)
	cell, err := s.inspectOne(ctx, key)
	err = c.wrap(err)
	s.end(&c, CallResult{Count: countIf(err == nil), Err: err})
	return cell, err
}

func (s *Store) inspectOne(ctx context.Context, key string) (Cell, error) {
	if err := ValidateKey(key); err != nil {
		return Cell{}, err
	}
	cells, err := s.inspectMany(ctx, []string{key})
	if err != nil {
		return Cell{}, err
	}
	return cells[0], nil
}

// InspectMany does the work of Inspect for each of keys, in few round trips and in the
// order of the keys.
func (s *Store) InspectMany(ctx context.Context, keys ...string) ([]Cell, error) {
	c := call{Call: Call{Op: opInspectMany, Size: len(keys)}}
	ctx = s.begin(ctx, &c)
	cells, err := s.inspectMany(ctx, keys)
	err = c.wrap(err)
	s.end(&c, CallResult{Count: len(cells), Err: err})
	return cells, err
}

func (s *Store) inspectMany(ctx context.Context, keys []string) ([]Cell, error) {
	for _, key := range keys {
		if err := ValidateKey(key); err != nil {
			return nil, fmt.Errorf("%q: %w", key, err)
		}
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	return driver.Inspect(ctx, s.driver, keys)
}

// InspectAll yields a Cell for each key that matches pattern and has a checkpoint, a
// fence or a lease. It walks the keys as [Store.Scan] does.
func (s *Store) InspectAll(ctx context.Context, pattern string, opts ...ScanOption) iter.Seq2[Cell, error] {
	return walk(ctx, s, call{Call: Call{Op: opInspectAll, Pattern: pattern}}, opts, s.scanCells,
		func(c Cell) (Cell, string, error) { return c, c.Key, nil })
}

func (s *Store) scanCells(ctx context.Context, pattern string, size int) iter.Seq2[[]Cell, error] {
	return driver.ScanCells(ctx, s.driver, pattern, size)
}

// Fence raises the highest epoch that key has seen, ends the key's lease, and returns
// the new fence. The new fence is at least atLeast, and above every epoch that is
// stored for key. From then on each writer with an earlier epoch fails with
// [ErrFenced].
//
// Fence repairs a damaged fence. Then atLeast must be the highest epoch that was in use.
// With an atLeast of zero, Fence does what [Store.Revoke] does, and repairs no fence. An
// atLeast of 2^64-1 is an error: nobody could acquire the key's lease again. If the
// engine cannot raise fences, the error is [ErrUnsupported].
func (s *Store) Fence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	return s.raise(ctx, opFence, key, atLeast)
}

// Revoke ends the lease on key, whoever owns it, and raises the highest epoch that key
// has seen by one. From then on the former owner's writes fail with [ErrFenced]. Revoke
// returns the new fence, or zero if there was neither a lease nor a fence. It repairs a
// damaged lease, but not a damaged fence.
func (s *Store) Revoke(ctx context.Context, key string) (uint64, error) {
	return s.raise(ctx, opRevoke, key, 0)
}

func (s *Store) raise(ctx context.Context, op, key string, atLeast uint64) (uint64, error) {
	c := call{Call: Call{Op: op, Key: key, Size: 1}}
	ctx = s.begin(ctx, &c)
	fence, err := s.raiseOne(ctx, key, atLeast)
	err = c.wrap(err)
	s.end(&c, CallResult{Count: countIf(err == nil), Err: err})
	return fence, err
}

func (s *Store) raiseOne(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	if err := ValidateKey(key); err != nil {
		return 0, err
	}
	if atLeast == math.MaxUint64 {
		return 0, fmt.Errorf("epoch %d is the largest there is, and would lock the key for ever: use a smaller one", atLeast)
	}
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	fencer, err := driver.Fences(s.driver)
	if err != nil {
		return 0, err
	}
	return fencer.RaiseFence(ctx, key, atLeast)
}

// ReleaseFences looks at the keys that match pattern, removes the fences that protect
// nothing, and returns how many it removed. A fence protects nothing if its key has no
// checkpoint, and if its last raise and the end of its last lease are at least idle ago.
// A lease that its owner has released does not count: an owner that releases has done its
// last write. A fence stays if it is damaged, if the time of its last raise is not known,
// or if the key's lease is damaged. An idle below a minute is an error. No other method
// removes a fence. The audit entries and the samples of a key go with its fence. If the
// engine cannot release fences, the error is [ErrUnsupported].
//
// A removed fence locks nobody out: a writer that still has an epoch of the key can write
// again. The store does not know when an epoch was last used. So idle should be days: far
// longer than any write could be late, and any instance stopped or cut off.
func (s *Store) ReleaseFences(ctx context.Context, pattern string, idle time.Duration, opts ...ScanOption) (int, error) {
	c := call{Call: Call{Op: opReleaseFences, Pattern: pattern}}
	ctx = s.begin(ctx, &c)
	n, err := s.releaseFences(ctx, pattern, idle, opts)
	err = c.wrap(err)
	s.end(&c, CallResult{Count: n, Err: err})
	return n, err
}

func (s *Store) releaseFences(ctx context.Context, pattern string, idle time.Duration, opts []ScanOption) (int, error) {
	if idle < time.Minute {
		return 0, fmt.Errorf("idle is %v, it must be a minute or more: a writer that is only slow must not lose its fence", idle)
	}
	fencer, err := driver.Fences(s.driver)
	if err != nil {
		return 0, err
	}
	total := 0
	for page, err := range pagesOf(ctx, s, pattern, opts, s.scanCells) {
		if err != nil {
			return total, err
		}
		var keys []string
		for _, c := range page {
			if c.Fence.Exists() && !c.Checkpoint.Exists {
				keys = append(keys, c.Key)
			}
		}
		if len(keys) == 0 {
			continue
		}
		n, err := fencer.ReleaseFences(ctx, keys, idle)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func countIf(ok bool) int {
	if ok {
		return 1
	}
	return 0
}
