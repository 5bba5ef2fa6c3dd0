// Package copystore copies the checkpoints, fences and histories of one store to another.
package copystore

import (
	"context"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/driver"
)

// A Report says what was, or would be, done.
type Report struct {
	Written int // checkpoints that were, or would be, written
	Same    int // that are at the destination already
	Newer   int // that stay because a newer position is stored
	Fenced  int // that stay because a higher epoch was seen
	Damaged int // keys that are reported and left alone
	Raised  int // fences that were, or would be, raised
}

// Looked is how many keys are done.
func (r Report) Looked() int { return r.Written + r.Same + r.Newer + r.Fenced + r.Damaged }

// A SourceError is an error of the source, or about a key in it. All other errors are the
// destination's.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return e.Err.Error() }

func (e *SourceError) Unwrap() error { return e.Err }

// A Copy is what to do.
type Copy struct {
	From, To *checkpoint.Store
	Pattern  string
	Apply    bool      // false: only report
	By       driver.By // for the audit entries

	// Cutover is the owner of the leases that lock the consumers of From out of the keys
	// that are copied. Empty: they are not locked out.
	Cutover string

	Hooks
}

// Hooks hear what a Copy does, or would do.
type Hooks struct {
	Changes  func(checkpoint.Checkpoint)                   // of each checkpoint that is written
	Ahead    func(key string, there, from checkpoint.Mark) // of each that is newer in To, though From has seen a newer epoch
	Raises   func(before checkpoint.Cell, to uint64)       // of each key of To whose fence is raised
	Locks    func(before checkpoint.Cell)                  // of each key of From whose consumer is locked out
	Unfenced func(key string)                              // of each key of From whose consumer cannot be locked out
	Damage   func(key string, reason error)                // of each key that is left alone
	Progress func(Report)                                  // of each batch
}

const batchSize = 500 // not more: the cells that were read must not grow old

// Run copies each key that matches. A checkpoint is written only if it is newer: a consumer
// that has moved on meanwhile is not set back. A fence is raised to the source's, or stays if
// it is there already. What is damaged at either end is reported and left alone. A second run
// changes nothing, and goes on where a first one was cut off.
func (c *Copy) Run(ctx context.Context) (Report, error) {
	ctx = driver.WithBy(ctx, c.By)
	var r Report
	var batch []checkpoint.Cell
	flush := func() error {
		err := c.copy(ctx, batch, &r)
		batch = batch[:0]
		if err == nil && c.Progress != nil {
			c.Progress(r)
		}
		return err
	}
	for cell, err := range transfer.Cells(ctx, c.From, c.Pattern) {
		if err != nil {
			return r, &SourceError{err}
		}
		if err := fault(cell); err != nil {
			c.damage(&r, cell.Key, &SourceError{err})
			continue
		}
		if batch = append(batch, cell); len(batch) == batchSize {
			if err := flush(); err != nil {
				return r, err
			}
		}
	}
	return r, flush()
}

// fault says why a cell cannot be copied. With the largest epoch its copy would lock the key.
func fault(cell checkpoint.Cell) error {
	if err := transfer.Unusable(cell); err != nil {
		return err
	}
	return transfer.CheckEpoch("the epoch", epochOf(cell))
}

// epochOf is the highest epoch that a cell knows.
func epochOf(cell checkpoint.Cell) uint64 {
	return max(cell.Fence.Epoch, cell.Checkpoint.Epoch, cell.Lease.Epoch)
}

func (c *Copy) damage(r *Report, key string, reason error) {
	r.Damaged++
	c.Damage(key, reason)
}

// copy copies a batch. The checkpoint goes first: it carries its own epoch, which may be below
// the fence.
func (c *Copy) copy(ctx context.Context, batch []checkpoint.Cell, r *Report) error {
	items, err := c.look(ctx, batch, r)
	if err == nil && c.Cutover != "" {
		items, err = c.cutover(ctx, items, r)
	}
	if err != nil {
		return err
	}
	todo := c.compare(items, r)
	if !c.Apply {
		for _, checkpoint := range todo {
			r.Written++
			c.Changes(checkpoint)
		}
		return nil
	}
	if err := c.adopt(ctx, items); err != nil {
		return err
	}
	if err := c.send(ctx, todo, r); err != nil {
		return err
	}
	return c.raise(ctx, items)
}
