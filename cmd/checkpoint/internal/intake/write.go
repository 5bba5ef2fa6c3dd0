package intake

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/checkpointstore/checkpoint"
)

// send writes todo, and counts what became of it.
func (j *Job) send(ctx context.Context, todo []*Item) error {
	if len(todo) == 0 {
		return nil
	}
	err := j.Write(ctx, j, todo)
	var failed *Item
	raised := make(map[string]uint64) // a key may have several items
	for _, i := range j.sound(slices.Clone(todo)) {
		if epoch := i.Epoch(); epoch > max(i.To.Fence.Epoch, raised[i.From.Key]) && !i.owes() {
			raised[i.From.Key] = epoch
			j.tellRaised(i)
		}
		switch i.Outcome {
		case checkpoint.Advanced:
			j.report.Written++
			j.Tell(Changed, i)
		case checkpoint.Unchanged:
			j.report.Same++
		case checkpoint.Stale:
			j.report.Newer++
		case checkpoint.Fenced:
			j.report.Fenced++
		case checkpoint.Unknown, checkpoint.Failed:
			failed = cmp.Or(failed, i)
		}
	}
	if err != nil {
		return &Error{cmp.Or(failed, todo[0]), err}
	}
	return nil
}

// verify reads what was written. A consumer may have moved it on, and a checkpoint with a TTL
// may be gone.
func (j *Job) verify(ctx context.Context, items []*Item) error {
	written := make(map[string]*Item) // the last one of each key
	for _, i := range items {
		if i.Outcome == checkpoint.Advanced {
			written[i.From.Key] = i
		}
	}
	keys := slices.Sorted(maps.Keys(written))
	found, err := j.To.GetMany(ctx, keys...)
	if err != nil {
		return err
	}
	for _, key := range keys {
		stored, ok := found[key]
		switch w := written[key].From.Checkpoint; {
		case !ok && w.ExpiresAt.IsZero():
			return fmt.Errorf("%q was written at %s, and is not there; run the command again", key, w.Position)
		case ok && stored.Position.Compare(w.Position) < 0:
			return fmt.Errorf("%q was written at %s, and is at %s; run the command again", key, w.Position, stored.Position)
		}
	}
	return nil
}

// raise brings the fences of the items along. So no writer that the source has locked out, and
// no owner of a lease there, can write to the store with its old epoch.
func (j *Job) raise(ctx context.Context, items []*Item) error {
	for _, i := range items {
		if !i.owes() {
			continue
		}
		epoch := i.Epoch()
		stored, err := j.To.Inspect(ctx, i.From.Key)
		if err == nil {
			err = stored.Fence.Err
		}
		if err == nil && stored.Fence.Epoch < epoch {
			err = j.raiseTo(ctx, i, epoch)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (j *Job) raiseTo(ctx context.Context, i *Item, epoch uint64) error {
	raised, err := j.To.Fence(ctx, i.From.Key, epoch)
	switch {
	case err != nil:
		return err
	case raised < epoch:
		return fmt.Errorf("the fence of %q is at %d, and was raised to %d; run the command again", i.From.Key, raised, epoch)
	}
	j.tellRaised(i)
	return nil
}

// owes reports whether the fence of the key is still to be raised. A write raises it to its
// own epoch.
func (i *Item) owes() bool {
	epoch := i.Epoch()
	return i.To.Fence.Epoch < epoch && (!i.Outcome.Landed() || i.From.Checkpoint.Epoch != epoch)
}

// atOnce is how many keys are read one by one at the same time.
const atOnce = 16

// each calls do for each item, and returns the first error in the order of the items.
func each(items []*Item, do func(*Item) error) error {
	var (
		group   sync.WaitGroup
		tickets = make(chan struct{}, atOnce)
		errs    = make([]error, len(items))
	)
	for n, i := range items {
		tickets <- struct{}{}
		group.Go(func() {
			defer func() { <-tickets }()
			errs[n] = do(i)
		})
	}
	group.Wait()
	return cmp.Or(errs...)
}
