package transfer

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// Walk yields the checkpoints whose keys match pattern, and an error for each damaged
// checkpoint, fence or lease and for each invalid key. An error with a Key beside it
// concerns that key alone, and is the bare [Reason]. If the key's checkpoint is sound, it
// comes before the error.
func Walk(ctx context.Context, store *checkpoint.Store, pattern string) iter.Seq2[checkpoint.Checkpoint, error] {
	return func(yield func(checkpoint.Checkpoint, error) bool) {
		for cell, err := range Cells(ctx, store, pattern) {
			if err != nil {
				yield(checkpoint.Checkpoint{}, err)
				return
			}
			if !yieldCell(cell, yield) {
				return
			}
		}
	}
}

// Cells yields what is stored for each key that matches pattern. If the store has no
// fences and leases, it yields checkpoints alone. An error is the last pair.
func Cells(ctx context.Context, store *checkpoint.Store, pattern string) iter.Seq2[checkpoint.Cell, error] {
	return func(yield func(checkpoint.Cell, error) bool) {
		for cell, err := range store.InspectAll(ctx, pattern) {
			if errors.Is(err, checkpoint.ErrUnsupported) {
				checkpoints(ctx, store, pattern, yield)
				return
			}
			if !yield(cell, err) {
				return
			}
		}
	}
}

// checkpoints walks a store that has neither fences nor leases.
func checkpoints(ctx context.Context, store *checkpoint.Store, pattern string, yield func(checkpoint.Cell, error) bool) {
	for c, err := range store.GetAll(ctx, pattern) {
		cell := checkpoint.Cell{Key: c.Key}
		if c.Key != "" {
			cell.Checkpoint = driver.StoredCheckpoint{Exists: true, Mark: c.Mark, ExpiresAt: c.ExpiresAt, Err: Reason(err)}
			cell.Fence.Epoch = c.Epoch // the least that the fence can be: an absent one would look damaged
			err = nil
		}
		if !yield(cell, err) {
			return
		}
	}
}

func yieldCell(cell checkpoint.Cell, yield func(checkpoint.Checkpoint, error) bool) bool {
	stored, wrong := cell.Checkpoint, invalid(cell.Key)
	c := checkpoint.Checkpoint{Key: cell.Key, Mark: stored.Mark, ExpiresAt: stored.ExpiresAt}
	if stored.Exists && stored.Err == nil && wrong == nil && !yield(c, nil) {
		return false
	}
	err := joined(wrong, Damage(&cell))
	return err == nil || yield(checkpoint.Checkpoint{Key: cell.Key}, err)
}

// Damage says what is wrong with what is stored for a key: the checkpoint, the fence,
// the lease.
func Damage(c *checkpoint.Cell) error { return joined(c.Checkpoint.Err, fenceFault(c), c.Lease.Err) }

// Unusable says what keeps a key from being rewound or copied: an invalid key, or a damaged
// checkpoint or fence. A damaged lease does not, since neither keeps the lease.
func Unusable(c checkpoint.Cell) error {
	c.Lease.Err = nil
	return joined(invalid(c.Key), Damage(&c))
}

// fenceFault says what is wrong with a fence. A fence that was lost or lowered is damaged,
// too.
func fenceFault(c *checkpoint.Cell) error {
	of, epoch := "checkpoint", c.Checkpoint.Epoch
	if c.Lease.Epoch > epoch {
		of, epoch = "lease", c.Lease.Epoch
	}
	if c.Fence.Err == nil && c.Fence.Epoch < epoch {
		return driver.DamagedFence("it is at epoch %d, below epoch %d of the %s", c.Fence.Epoch, epoch, of)
	}
	return c.Fence.Err
}

// invalid is the error of a key that only another program can have written. Only Clear
// can remove it.
func invalid(key string) error {
	if err := checkpoint.ValidateKey(key); err != nil {
		return fmt.Errorf("%w; `checkpoint clear` with a pattern removes it", err)
	}
	return nil
}

// joined is errors.Join on one line.
func joined(errs ...error) (all error) {
	for _, err := range errs {
		switch {
		case err == nil:
		case all == nil:
			all = err
		default:
			all = fmt.Errorf("%w; %w", all, err)
		}
	}
	return all
}

// Reason strips the call from an error.
func Reason(err error) error {
	if e := (*checkpoint.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
