package checkpoint

import (
	"context"
	"iter"

	"github.com/checkpointstore/checkpoint/driver"
)

// Scan yields the keys that match pattern (see [MatchPattern]), in any order
// and each exactly once, damaged checkpoints' too. They are fetched in pages,
// in memory bounded except for the set of keys seen, without blocking the engine.
// A key that is there throughout is never missed; one that comes or goes
// meanwhile may be. An error is the last pair, with an empty key. Breaking out
// of the loop stops the work.
func (s *Store) Scan(ctx context.Context, pattern string, opts ...ScanOption) iter.Seq2[string, error] {
	return walk(ctx, s, call{Call: Call{Op: opScan, Pattern: pattern}}, opts,
		s.driver.Scan,
		func(key string) (string, string, error) { return key, key, nil })
}

// GetAll yields the checkpoints whose keys match pattern, as [Store.Scan]
// yields keys. A damaged one is an error, and so the last pair; Scan and
// [Store.GetMany] read what is beside it.
func (s *Store) GetAll(ctx context.Context, pattern string, opts ...ScanOption) iter.Seq2[Checkpoint, error] {
	return walk(ctx, s, call{Call: Call{Op: opGetAll, Pattern: pattern}}, opts,
		func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Record, error] {
			return driver.ScanRecords(ctx, s.driver, pattern, size)
		},
		func(r driver.Record) (Checkpoint, string, error) { return fromRecord(r), r.Key, r.Err })
}

// walk flattens the pages of one scan, and reports it as one call.
func walk[In, Out any](
	ctx context.Context, s *Store, c call, opts []ScanOption,
	pages pages[In],
	convert func(In) (out Out, key string, err error),
) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		c := c
		ctx := s.begin(ctx, &c)
		count := 0
		var err error
		defer func() { s.end(&c, CallResult{Count: count, Err: err}) }()
		for item, itemErr := range items(ctx, s, c.Pattern, opts, pages) {
			var out Out
			if err = itemErr; err == nil {
				out, c.Key, err = convert(item)
			}
			if err != nil {
				err = c.wrap(err)
				yield(*new(Out), err)
				return
			}
			c.Key = ""
			count++
			if !yield(out, nil) {
				return
			}
		}
	}
}

// pages is how a driver walks.
type pages[In any] func(ctx context.Context, pattern string, size int) iter.Seq2[[]In, error]

// pagesOf checks that s is ready before the walk and at each page.
func pagesOf[In any](ctx context.Context, s *Store, pattern string, opts []ScanOption, walk pages[In]) iter.Seq2[[]In, error] {
	return func(yield func([]In, error) bool) {
		size, err := pageSize(opts)
		if err == nil {
			err = s.ready(ctx)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for page, err := range walk(ctx, pattern, size) {
			if err == nil {
				err = s.ready(ctx)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

func items[In any](ctx context.Context, s *Store, pattern string, opts []ScanOption, walk pages[In]) iter.Seq2[In, error] {
	return func(yield func(In, error) bool) {
		for page, err := range pagesOf(ctx, s, pattern, opts, walk) {
			if err != nil {
				yield(*new(In), err)
				return
			}
			for _, item := range page {
				if err := s.ready(ctx); err != nil {
					yield(*new(In), err)
					return
				}
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// Clear removes the checkpoints whose keys match pattern, damaged ones too,
// page by page as [Store.Scan] finds them, and returns how many it removed:
// after an error, how many are known to be gone. As with [Store.Delete] the
// keys' epochs are kept.
func (s *Store) Clear(ctx context.Context, pattern string, opts ...ScanOption) (int, error) {
	c := call{Call: Call{Op: opClear, Pattern: pattern}}
	ctx = s.begin(ctx, &c)
	n, err := s.clear(ctx, pattern, opts)
	err = c.wrap(err)
	s.end(&c, CallResult{Count: n, Err: err})
	return n, err
}

func (s *Store) clear(ctx context.Context, pattern string, opts []ScanOption) (int, error) {
	total := 0
	for page, err := range pagesOf(ctx, s, pattern, opts, s.driver.Scan) {
		if err != nil {
			return total, err
		}
		n, err := s.driver.Delete(ctx, page)
		total += n
		if err != nil {
			return total, err
		}
	}
	if total == 0 {
		// An earlier Clear, of which nobody knows whether it lasts, may have left nothing.
		return s.driver.Delete(ctx, nil)
	}
	return total, nil
}
