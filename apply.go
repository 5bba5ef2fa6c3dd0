package checkpoint

import (
	"context"
	"fmt"
	"slices"

	"github.com/checkpointstore/checkpoint/driver"
)

// Apply writes a batch, in far fewer round trips than one call for each write. Each
// write is atomic; the batch as a whole is not. Apply keeps the order of writes to the
// same key.
//
// Apply returns one outcome for each write, in the order of the writes, even if it
// returns an error. A [Failed] write did not land, and an [Unknown] write may or may not
// have landed. The error wraps the reason for each of these writes. [Stale] and [Fenced]
// are answers, not errors. If any write of the batch has an invalid key, TTL, time or
// LogID, Apply returns an error and sends nothing.
func (s *Store) Apply(ctx context.Context, writes ...Write) ([]Outcome, error) {
	c := call{Call: Call{Op: opApply, Size: len(writes)}}
	ctx = s.begin(ctx, &c)
	outcomes, err := s.applyAll(ctx, &c, writes)
	err = c.wrap(err)
	result := CallResult{Err: err}
	for _, o := range outcomes {
		result.count(o)
	}
	s.end(&c, result)
	return outcomes, err
}

func (s *Store) applyAll(ctx context.Context, c *call, writes []Write) ([]Outcome, error) {
	batch := make([]driver.Write, len(writes))
	for i := range writes {
		mode := driver.Set
		if writes[i].IfNewer {
			mode = driver.IfNewer
		}
		if err := s.forDriver(c, &writes[i], mode, &batch[i]); err != nil {
			return repeat(Failed, len(writes)), fmt.Errorf("write %d, key %q: %w", i, writes[i].Key, err)
		}
	}
	if err := s.ready(ctx); err != nil {
		return repeat(Failed, len(writes)), err
	}
	if len(batch) == 0 {
		return nil, nil
	}
	results, err := s.driver.Write(ctx, batch)
	if err == nil && len(results) != len(batch) {
		err = fmt.Errorf("the driver answered %d writes with %d results", len(batch), len(results))
	}
	if err != nil {
		return repeat(Unknown, len(writes)), &batchError{unknown: len(writes), errs: []error{err}}
	}
	return outcomesOf(writes, results)
}

func repeat(o Outcome, n int) []Outcome { return slices.Repeat([]Outcome{o}, n) }

func outcomesOf(writes []Write, results []driver.Result) ([]Outcome, error) {
	outcomes := make([]Outcome, len(results))
	var failure batchError
	for i, r := range results {
		outcomes[i] = r.Outcome
		switch outcomes[i] {
		case Unknown:
			failure.unknown++
		case Failed:
			failure.failed++
		default:
			failure.answered++
			continue
		}
		failure.errs = append(failure.errs, fmt.Errorf("%q: %w", writes[i].Key, resultError(&driver.Write{}, r)))
	}
	if failure.errs == nil {
		return outcomes, nil
	}
	return outcomes, &failure
}

// batchError says how much of a batch landed. It shows the first reason and
// wraps them all.
type batchError struct {
	answered, failed, unknown int
	errs                      []error
}

func (e *batchError) Error() string {
	return fmt.Sprintf("of %d writes %d did not land and of %d it cannot be told: %v",
		e.answered+e.failed+e.unknown, e.failed, e.unknown, e.errs[0])
}

func (e *batchError) Unwrap() []error { return e.errs }

func (e *batchError) each() []error { return e.errs }
