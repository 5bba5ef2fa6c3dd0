// Package intake takes checkpoints into a store: the lines of a file, the cells of another
// store, or what the store itself has in an older layout.
package intake

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// An Item is a key that is taken in.
type Item struct {
	Line    int                // of the file; zero: the source is no file
	From    checkpoint.Cell    // what the source has
	To      checkpoint.Cell    // what the store has in its way
	Outcome checkpoint.Outcome // of the write
	Err     error              // why the key is left alone: it is damaged
}

// ItemOf is the item of a checkpoint that comes without a fence.
func ItemOf(c checkpoint.Checkpoint) *Item {
	i := &Item{From: checkpoint.Cell{Key: c.Key}}
	i.From.Checkpoint.Exists, i.From.Checkpoint.Mark, i.From.Checkpoint.ExpiresAt = true, c.Mark, c.ExpiresAt
	return i
}

// Epoch is the epoch that the fence of the key must have at least.
func (i *Item) Epoch() uint64 { return max(i.From.Fence.Epoch, i.From.Checkpoint.Epoch) }

// A Report says what was, or would be, done.
type Report struct {
	Written int // checkpoints that were, or would be, written
	Same    int // that are there already
	Newer   int // that stay because a newer position is stored
	Fenced  int // that stay because a higher epoch was seen
	Expired int // that are left out, because they would have expired by now
	Damaged int // keys that are reported and left alone
	Raised  int // fences that were, or would be, raised
}

// Looked is how many keys are done.
func (r Report) Looked() int {
	return r.Written + r.Same + r.Newer + r.Fenced + r.Expired + r.Damaged
}

// An Event is what a Job tells of an item.
type Event int

// The events.
const (
	Changed  Event = iota // its checkpoint is written
	Raised                // the fence of its key rises
	Ahead                 // the store is ahead, though the source has seen a newer epoch
	Replaced              // its checkpoint replaces what is in its way, even a newer one
	Locked                // the consumer at the source is locked out
	Unfenced              // the consumer at the source cannot be locked out
	Damaged               // its key is left alone, and Err says why
)

// A Writer decides what is in the way of items, and writes them.
type Writer interface {
	// Look sets To, or Err if what is there is damaged.
	Look(ctx context.Context, j *Job, items []*Item) error

	// Write writes the checkpoints of items, and sets their Outcome, or Err if what is
	// there is damaged.
	Write(ctx context.Context, j *Job, items []*Item) error
}

// A Job is what to do. Its context says who does it, for the audit entries.
type Job struct {
	Items iter.Seq2[*Item, error] // an error is the last pair
	To    *checkpoint.Store
	Writer
	Apply bool // false: only report

	// Before is called before items are written, or would be. Nil: there is nothing to do.
	// It sets the Err of those that must not be written.
	Before func(ctx context.Context, j *Job, items []*Item) error

	Tell     func(Event, *Item)
	Progress func(Report) // of each batch

	report Report
}

// An Error says where a Job stopped: every item before Item is done. Some after it may be
// done, too, if they were in the same batch.
type Error struct {
	Item *Item
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

const batchSize = 500 // not more: what was read must not grow old

// Run takes all items in. What is damaged is reported and left alone. A second run with the
// same items does no harm, and goes on where a first one was cut off.
func (j *Job) Run(ctx context.Context) (Report, error) {
	j.report = Report{}
	var batch []*Item
	for item, err := range j.Items {
		switch {
		case err != nil && ctx.Err() != nil: // no write would succeed
			return j.report, &Error{append(batch, item)[0], err}
		case err != nil:
			err = cmp.Or(j.flush(ctx, batch), error(&Error{item, err}))
			return j.report, err
		}
		if batch = append(batch, item); len(batch) == batchSize {
			if err := j.flush(ctx, batch); err != nil {
				return j.report, err
			}
			batch = nil
		}
	}
	err := j.flush(ctx, batch)
	return j.report, err
}

func (j *Job) flush(ctx context.Context, batch []*Item) error {
	if len(batch) == 0 {
		return nil
	}
	first := batch[0]
	err := j.take(ctx, batch)
	switch {
	case err != nil && !errors.As(err, new(*Error)):
		return &Error{first, err}
	case err == nil && j.Progress != nil:
		j.Progress(j.report)
	}
	return err
}

// take takes a batch in. The checkpoint goes before the fence: it carries its own epoch,
// which may be below the fence.
func (j *Job) take(ctx context.Context, batch []*Item) error {
	items := j.living(j.sound(batch))
	if len(items) == 0 {
		return nil
	}
	if err := j.Look(ctx, j, items); err != nil {
		return err
	}
	items = j.sound(items)
	if j.Before != nil {
		if err := j.Before(ctx, j, items); err != nil {
			return err
		}
		items = j.sound(items)
	}
	todo := j.compare(items)
	if !j.Apply {
		for _, i := range todo {
			j.report.Written++
			j.Tell(Changed, i)
		}
		return nil
	}
	if err := j.send(ctx, todo); err != nil {
		return owing(items, err)
	}
	return j.raise(ctx, items)
}

// owing returns the error of a batch whose fences were not raised. An item before the one in
// the error is not done if its fence is still to be raised: the error then names that item.
func owing(items []*Item, err error) error {
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		return err
	}
	for _, i := range items {
		switch {
		case i == e.Item:
			return err
		case i.owes():
			return &Error{i, e.Err}
		}
	}
	return err
}

// sound reports the damaged items, and returns the others.
func (j *Job) sound(items []*Item) []*Item {
	return slices.DeleteFunc(items, func(i *Item) bool {
		if i.Err == nil {
			return false
		}
		j.report.Damaged++
		j.Tell(Damaged, i)
		return true
	})
}

// living leaves out the checkpoints that have expired.
func (j *Job) living(items []*Item) []*Item {
	return slices.DeleteFunc(items, func(i *Item) bool {
		c := &i.From.Checkpoint
		if c.Exists && !c.ExpiresAt.IsZero() && !c.ExpiresAt.After(time.Now()) {
			j.report.Expired++
			i.From.Fence.Epoch = i.Epoch() // it outlives the checkpoint
			*c = driver.StoredCheckpoint{}
		}
		return !i.From.Holds()
	})
}

func (j *Job) tellRaised(i *Item) {
	j.report.Raised++
	j.Tell(Raised, i)
}

// compare counts the items that stay as they are, and returns those to write.
func (j *Job) compare(items []*Item) (todo []*Item) {
	for _, i := range items {
		if !j.Apply && i.To.Fence.Epoch < i.Epoch() {
			j.tellRaised(i)
		}
		from, to := &i.From.Checkpoint, &i.To.Checkpoint
		newer := !to.Exists || to.Position.Compare(from.Position) < 0
		switch {
		case !from.Exists:
		case newer && from.Epoch > 0 && from.Epoch < i.To.Fence.Epoch:
			j.report.Fenced++
		case newer:
			todo = append(todo, i)
		case to.Position == from.Position:
			j.report.Same++
		default:
			j.report.Newer++
			if from.Epoch > to.Epoch {
				j.Tell(Ahead, i)
			}
		}
	}
	return todo
}
