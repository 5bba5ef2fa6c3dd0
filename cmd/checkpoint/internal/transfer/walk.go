package transfer

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/checkpointstore/checkpoint"
)

// page is how many checkpoints are read at a time.
const page = 500

// A Found is a checkpoint or, where Err is set, what is wrong with the one at
// its key.
type Found struct {
	checkpoint.Checkpoint
	Err error
}

// Walk yields every checkpoint that matches pattern, damaged ones as well. An
// error beside it is the store's, and the last pair.
func Walk(ctx context.Context, store *checkpoint.Store, pattern string) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		keys := make([]string, 0, page)
		flush := func() bool {
			for _, f := range read(ctx, store, keys) {
				if f.Err != nil && !errors.Is(f.Err, checkpoint.ErrCorrupt) {
					yield(Found{}, f.Err)
					return false
				}
				if !yield(f, nil) {
					return false
				}
			}
			keys = keys[:0]
			return true
		}
		for key, err := range store.Scan(ctx, pattern, checkpoint.PageSize(page)) {
			if err != nil {
				yield(Found{}, err)
				return
			}
			if err := checkpoint.ValidateKey(key); err != nil {
				// Somebody else wrote it. Only Clear reaches it.
				err = fmt.Errorf("%w; `checkpoint clear` with a pattern removes it", err)
				if !yield(Found{Checkpoint: checkpoint.Checkpoint{Key: key}, Err: err}, nil) {
					return
				}
				continue
			}
			if keys = append(keys, key); len(keys) == page && !flush() {
				return
			}
		}
		flush()
	}
}

// read reads the checkpoints at keys, in their order, without those that are
// gone.
func read(ctx context.Context, store *checkpoint.Store, keys []string) []Found {
	if len(keys) == 0 {
		return nil
	}
	found, err := store.GetMany(ctx, keys...)
	if found == nil && err != nil {
		return []Found{{Err: err}}
	}
	var all []Found
	for _, key := range keys {
		if c, ok := found[key]; ok {
			all = append(all, Found{Checkpoint: c})
			continue
		}
		if err == nil {
			continue // gone since it was found
		}
		// The error concerns some of the keys: ask for each that is not there.
		c, err := store.Get(ctx, key)
		if errors.Is(err, checkpoint.ErrNotFound) {
			continue
		}
		c.Key = key
		all = append(all, Found{Checkpoint: c, Err: reason(err)})
	}
	return all
}

// reason is what is wrong, without the call that found it.
func reason(err error) error {
	if e := (*checkpoint.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
