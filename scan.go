package checkpoint

import (
	"cmp"
	"context"
	"errors"
	"iter"

	"github.com/checkpointstore/checkpoint/driver"
)

// Scan yields the keys that match pattern (see [MatchPattern]) and have a checkpoint,
// sound or damaged. It yields the keys in any order, each exactly once. It never misses
// a key that is there from the first page to the last. It may miss a key that comes or
// goes meanwhile.
//
// Scan fetches the keys in pages, without blocking the engine. Its memory is bounded,
// except for the set of keys that it has seen. An error is the last pair, with an empty
// key. If you break out of the loop, Scan stops its work.
func (s *Store) Scan(ctx context.Context, pattern string, opts ...ScanOption) iter.Seq2[string, error] {
	return walk(ctx, s, call{Call: Call{Op: opScan, Pattern: pattern}}, opts,
		s.driver.Scan,
		func(key string) (string, string, error) { return key, key, nil })
}

// GetAll yields the checkpoints whose keys match pattern. It walks as [Store.Scan] does.
// For a damaged checkpoint it yields a Checkpoint in which only Key is set, with an
// [ErrCorrupt], and goes on. Any other error is the last pair, with the zero
// Checkpoint.
func (s *Store) GetAll(ctx context.Context, pattern string, opts ...ScanOption) iter.Seq2[Checkpoint, error] {
	return walk(ctx, s, call{Call: Call{Op: opGetAll, Pattern: pattern}}, opts,
		func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Record, error] {
			return driver.ScanRecords(ctx, s.driver, pattern, size)
		},
		func(r driver.Record) (Checkpoint, string, error) {
			if r.Err != nil {
				return Checkpoint{Key: r.Key}, r.Key, r.Err
			}
			return fromRecord(r), r.Key, nil
		})
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
		var result CallResult
		defer func() { s.end(&c, result) }()
		for item, err := range items(ctx, s, c.Pattern, opts, pages) {
			var out Out
			var key string
			if err == nil {
				out, key, err = convert(item)
			}
			if err != nil {
				err = c.wrapFor(key, err)
			}
			if result.ends(key, err) {
				yield(*new(Out), err)
				return
			}
			if !yield(out, err) {
				return
			}
		}
	}
}

// ends counts one item of a walk, and reports whether its error ends the walk. The
// error of a damaged key does not.
func (r *CallResult) ends(key string, err error) bool {
	switch {
	case err == nil:
		r.Count++
	case key != "" && errors.Is(err, ErrCorrupt):
		r.Failed++
		r.Err = cmp.Or(r.Err, err)
	default:
		r.Err = err
		return true
	}
	return false
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

// Clear removes the checkpoints whose keys match pattern, damaged ones too, page by
// page as [Store.Scan] finds them. It returns how many it removed, or after an error
// how many are known to be gone. Like [Store.Delete] it keeps the keys' epochs.
func (s *Store) Clear(ctx context.Context, pattern string, opts ...ScanOption) (int, error) {
	c := call{Call: Call{Op: opClear, Pattern: pattern}}
	ctx = partOf(s.begin(ctx, &c), opClear)
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
		// An earlier Clear may have removed everything, not yet durably. Delete
		// without keys succeeds once it is durable.
		return s.driver.Delete(ctx, nil)
	}
	return total, nil
}
