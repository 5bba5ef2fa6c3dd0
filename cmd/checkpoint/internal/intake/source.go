package intake

import (
	"context"
	"errors"
	"iter"

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
// which leave entries of their own.
func (s Source) Before(ctx context.Context, j *Job, items []*Item) error {
	if s.Cutover != "" {
		if err := s.cutover(ctx, j, items); err != nil {
			return &SourceError{err}
		}
	}
	if !j.Apply {
		return nil
	}
	return each(items, func(i *Item) error {
		if i.Err == nil {
			return s.adopt(ctx, j.To, i.From.Key)
		}
		return nil
	})
}

// adopt brings the audit entries and samples of a key along if to has none for it. A store
// that keeps neither, or that cannot take them over, has none to bring.
func (s Source) adopt(ctx context.Context, to *checkpoint.Store, key string) error {
	entries, err := s.Store.History(ctx, key, driver.AuditEntries)
	if err != nil && !errors.Is(err, checkpoint.ErrUnsupported) {
		return &SourceError{err}
	}
	samples, err := s.Store.Samples(ctx, key)
	if err != nil && !errors.Is(err, checkpoint.ErrUnsupported) {
		return &SourceError{err}
	}
	if len(entries)+len(samples) == 0 {
		return nil
	}
	if err := to.Adopt(ctx, key, entries, samples); !errors.Is(err, checkpoint.ErrUnsupported) {
		return err
	}
	return nil
}
