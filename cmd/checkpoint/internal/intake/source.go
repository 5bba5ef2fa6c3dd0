package intake

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/driver"
)

// A Source is another store. Its fences and histories come along.
type Source struct {
	Store   *checkpoint.Store
	Pattern string

	// Cutover is the owner of the leases that lock the consumers of the source out of the
	// keys that are taken in. Empty: they are not locked out.
	Cutover string
}

// A SourceError is an error of the source, or about a key in it. All other errors are the
// target's.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return e.Err.Error() }

func (e *SourceError) Unwrap() error { return e.Err }

// Items yields each key that matches.
func (s Source) Items(ctx context.Context) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		for cell, err := range transfer.Cells(ctx, s.Store, s.Pattern) {
			if err != nil {
				yield(&Item{}, &SourceError{err})
				return
			}
			i := &Item{From: cell}
			if err := fault(cell); err != nil {
				i.Err = &SourceError{err}
			}
			if !yield(i, nil) {
				return
			}
		}
	}
}

// fault says why a cell cannot be taken in. With the largest epoch it would lock the key.
func fault(cell checkpoint.Cell) error {
	if err := transfer.Unusable(cell); err != nil {
		return err
	}
	return transfer.CheckEpoch("the epoch", cell.Fence.Epoch)
}

// Before locks the consumers out, and brings the histories. These come before the writes,
// which leave entries of their own. A key whose history is damaged is left alone.
func (s Source) Before(ctx context.Context, j *Job, items []*Item) error {
	if s.Cutover != "" || !j.Apply {
		// A lease on a key that is not copied would lock its consumers out of both stores.
		err := each(items, func(i *Item) error {
			_, _, err := s.past(ctx, i.From.Key)
			return i.spoils(err)
		})
		if err != nil {
			return err
		}
	}
	if s.Cutover != "" {
		if err := s.cutover(ctx, j, slices.DeleteFunc(slices.Clone(items), (*Item).damaged)); err != nil {
			return &SourceError{err}
		}
	}
	if !j.Apply {
		return nil
	}
	return each(items, func(i *Item) error {
		if i.damaged() {
			return nil
		}
		return i.spoils(s.adopt(ctx, j.To, i.From.Key))
	})
}

func (i *Item) damaged() bool { return i.Err != nil }

// spoils makes an error about the key of the item the item's own, and returns any other.
func (i *Item) spoils(err error) error {
	if !errors.Is(err, checkpoint.ErrCorrupt) {
		return err
	}
	if i.Err = transfer.Reason(err); errors.As(err, new(*SourceError)) {
		i.Err = &SourceError{i.Err}
	}
	return nil
}

// adopt brings the audit entries and samples of a key along if to has none for it. A store
// that cannot take them over gets none.
func (s Source) adopt(ctx context.Context, to *checkpoint.Store, key string) error {
	entries, samples, err := s.past(ctx, key)
	if err != nil || len(entries)+len(samples) == 0 {
		return err
	}
	if err := to.Adopt(ctx, key, entries, samples); !errors.Is(err, checkpoint.ErrUnsupported) {
		return err
	}
	return nil
}

// past reads the audit entries and samples of a key. A store that keeps neither has none.
func (s Source) past(ctx context.Context, key string) ([]checkpoint.AuditEntry, []checkpoint.Sample, error) {
	entries, err := s.Store.History(ctx, key, driver.AuditEntries)
	if err != nil && !errors.Is(err, checkpoint.ErrUnsupported) {
		return nil, nil, &SourceError{err}
	}
	samples, err := s.Store.Samples(ctx, key)
	if err != nil && !errors.Is(err, checkpoint.ErrUnsupported) {
		return nil, nil, &SourceError{err}
	}
	return entries, samples, nil
}
