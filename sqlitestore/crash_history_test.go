package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// A history is what processes have acknowledged before they were killed.
type history struct {
	acknowledged int
	steps        map[string]uint64 // by key, the last step
	leases       map[string]tenure // by key
}

// A tenure is how far an owner of a lease got.
type tenure struct {
	epoch uint64
	state string
}

const (
	held      = "held"
	releasing = "releasing"
	released  = "released"
)

func newHistory() *history {
	return &history{steps: map[string]uint64{}, leases: map[string]tenure{}}
}

func (h *history) add(line string) error {
	var what, state string
	var process, n uint64
	if _, err := fmt.Sscanf(line+" -", "%s %d %d %s", &what, &process, &n, &state); err != nil {
		return err
	}
	h.acknowledged++
	key := workKey(what, process)
	if what != "lease" {
		if n <= h.steps[key] {
			return fmt.Errorf("%s was at %d before", key, h.steps[key])
		}
		h.steps[key] = n
		return nil
	}
	if before := h.leases[key]; state == held && n <= before.epoch || state != held && n != before.epoch {
		return fmt.Errorf("%s had epoch %d before", key, before.epoch)
	}
	h.leases[key] = tenure{n, state}
	return nil
}

// check holds what is stored to the history, and closes the store.
func (h *history) check(ctx context.Context, store *checkpoint.Store) error {
	var errs []error
	for name, w := range works {
		for process := range uint64(killedProcesses) {
			key := workKey(name, process)
			acknowledged := h.steps[key]
			n, err := w.stored(ctx, store, key, acknowledged)
			// The step after the last that was acknowledged may have been under way.
			if n < acknowledged || n > acknowledged+1 {
				err = errors.Join(err, fmt.Errorf("%s: step %d was acknowledged, and stored is %d", key, acknowledged, n))
			}
			h.steps[key] = n
			errs = append(errs, err)
		}
	}
	for key, t := range h.leases {
		errs = append(errs, h.checkLease(ctx, store, key, t))
	}
	return errors.Join(append(errs, store.Close())...)
}

func (h *history) checkLease(ctx context.Context, store *checkpoint.Store, key string, t tenure) error {
	lease, err := store.Acquire(ctx, key, "another", time.Hour)
	switch {
	case errors.Is(err, checkpoint.ErrLeaseHeld):
		return nil // where it was released, the next one was being acquired
	case err != nil:
		return fmt.Errorf("%s: %w", key, err)
	case t.state == held:
		return fmt.Errorf("%s was acquired with epoch %d, and another got it", key, t.epoch)
	case lease.Epoch != t.epoch+1:
		return fmt.Errorf("%s: epoch %d was acknowledged, and the next is %d", key, t.epoch, lease.Epoch)
	}
	h.leases[key] = tenure{lease.Epoch, released}
	return store.Release(ctx, lease)
}

// leaseOnce acquires a lease, writes with it, and releases it.
func leaseOnce(ctx context.Context, store *checkpoint.Store, key string, process uint64) error {
	lease, err := store.Acquire(ctx, key, "owner", time.Hour)
	if err != nil {
		return err
	}
	say("lease", process, lease.Epoch, held)
	if _, err := store.SetIfNewer(ctx, key, at(lease.Epoch), checkpoint.Epoch(lease.Epoch)); err != nil {
		return err
	}
	if lease, err = store.Renew(ctx, lease, 2*time.Hour); err != nil {
		return err
	}
	say("lease", process, lease.Epoch, releasing)
	if err := store.Release(ctx, lease); err != nil {
		return err
	}
	say("lease", process, lease.Epoch, released)
	return nil
}
