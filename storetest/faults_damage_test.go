package storetest_test

import (
	"context"
	"errors"
	"slices"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// What is damaged.
var damageFaults = []fault{
	{
		"answers not found where there is damage",
		[]string{"damage/get", "damage/if-newer", "damage/scan", "shared/damage"},
		found(func(r *driver.Record) {
			if isDamaged(*r) {
				r.Err = driver.ErrNotFound
			}
		}),
	},
	{
		"reads position zero where there is damage",
		[]string{"damage/get", "damage/touch", "shared/damage"},
		found(func(r *driver.Record) {
			if isDamaged(*r) {
				*r = driver.Record{Key: r.Key, Mark: driver.Mark{UpdatedAt: r.UpdatedAt}}
			}
		}),
	},
	{
		"does not say what is damaged",
		[]string{"damage/get", "damage/if-newer", "damage/scan", "damaged-fence/refuses-epochs", "shared/damage"},
		func(f *faulty) {
			found(func(r *driver.Record) {
				if isDamaged(*r) {
					r.Err = driver.ErrCorrupt
				}
			})(f)
			answered(func(_ cell.Cell, _ driver.Write, _ *cell.Cell, r *driver.Result) {
				if errors.Is(r.Err, driver.ErrCorrupt) {
					r.Err = driver.ErrCorrupt
				}
			})(f)
		},
	},
	{
		"has no remedy for damage",
		[]string{"damage/get", "damage/scan"},
		found(func(r *driver.Record) {
			if isDamaged(*r) {
				r.Err = hintlessError{r.Err}
			}
		}),
	},
	{
		"fails the whole Get for one damaged checkpoint",
		[]string{"damage/get"},
		func(f *faulty) {
			before := f.get
			f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
				records, err := before(ctx, keys)
				if i := slices.IndexFunc(records, isDamaged); i >= 0 {
					return nil, records[i].Err
				}
				return records, err
			}
		},
	},
	{
		"repairs damage with IfNewer",
		[]string{"damage/if-newer", "damage/batch", "fence/failed-write-leaves-it"},
		setsOverDamage(driver.IfNewer),
	},
	{
		"repairs damage with Touch",
		[]string{"damage/touch"},
		setsOverDamage(driver.Touch),
	},
	{
		"says that damage is missing when it fails a write",
		[]string{"damage/if-newer", "damage/touch"},
		answered(func(_ cell.Cell, _ driver.Write, _ *cell.Cell, r *driver.Result) {
			if errors.Is(r.Err, driver.ErrCorrupt) {
				r.Err = driver.ErrNotFound
			}
		}),
	},
	{
		"refuses to repair damage",
		[]string{"damage/set-repairs", "damage/rewind-repairs", "damage/batch", "shared/damage"},
		refused(func(c cell.Cell, w driver.Write) (driver.Result, bool) {
			return failed(c.Checkpoint.Err), c.Checkpoint.Err != nil && (w.Mode == driver.Set || w.Mode == driver.Rewind)
		}),
	},
	{
		"fails the whole batch for one damaged checkpoint",
		[]string{"damage/batch"},
		func(f *faulty) {
			before := f.write
			f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
				for _, w := range writes {
					if stored := f.stored(w.Key); isDamaged(stored) && w.Mode == driver.IfNewer {
						return nil, stored.Err
					}
				}
				return before(ctx, writes)
			}
		},
	},
	{
		"fails to delete what is damaged",
		[]string{"damage/delete-repairs", "store/clear"},
		func(f *faulty) {
			before := f.remove
			f.remove = func(ctx context.Context, keys []string) (int, error) {
				for _, key := range keys {
					if stored := f.stored(key); isDamaged(stored) {
						return 0, stored.Err
					}
				}
				return before(ctx, keys)
			}
		},
	},
	{
		"neither counts nor removes what is damaged",
		[]string{"damage/delete-repairs", "store/clear"},
		removing(func(c *cell.Cell) { c.Checkpoint.Exists = c.Checkpoint.Err == nil && c.Checkpoint.Exists }),
	},
	{
		"leaves damaged checkpoints out of a scan",
		[]string{"damage/scan", "store/clear"},
		func(f *faulty) {
			f.listed(func(_ string, keys []string) []string {
				return slices.DeleteFunc(keys, func(key string) bool { return isDamaged(f.stored(key)) })
			})
		},
	},
	{
		"ends a scan at a damaged checkpoint",
		[]string{"damage/scan"},
		func(f *faulty) {
			f.pairs(func(page []string, err error) ([]string, error, bool) {
				for _, key := range page {
					if stored := f.stored(key); isDamaged(stored) {
						return nil, stored.Err, true
					}
				}
				return page, err, true
			})
		},
	},
}

// hintlessError is an error whose remedy nobody finds.
type hintlessError struct{ error }

func (e hintlessError) Is(target error) bool { return errors.Is(e.error, target) }

// setsOverDamage has a mode store what it is given over a damaged checkpoint.
func setsOverDamage(mode driver.Mode) func(*faulty) {
	return given(func(c *cell.Cell, w *driver.Write) {
		if w.Mode == mode && c.Checkpoint.Err != nil {
			w.Mode = driver.Set
		}
	})
}

var damagedFenceFaults = []fault{
	{
		"takes a damaged fence for none",
		[]string{"damaged-fence/refuses-epochs", "damaged-fence/of-its-key-alone"},
		given(func(c *cell.Cell, _ *driver.Write) {
			if c.Fence.Err != nil {
				c.Fence, c.Checkpoint.Epoch = driver.Fence{}, 0
			}
		}),
	},
	{
		"repairs a fence with a Rewind",
		[]string{"damaged-fence/refuses-epochs"},
		given(func(c *cell.Cell, w *driver.Write) {
			if w.Mode == driver.Rewind && c.Fence.Err != nil {
				c.Fence = driver.Fence{Epoch: max(w.Epoch, c.Checkpoint.Epoch)}
			}
		}),
	},
	{
		"repairs a fence with Delete",
		[]string{"damaged-fence/without-an-epoch"},
		removing(func(c *cell.Cell) { c.Fence.Err = nil }),
	},
	{
		"lets a damaged fence refuse every write",
		[]string{"damaged-fence/without-an-epoch", "damaged-fence/of-its-key-alone"},
		refused(func(c cell.Cell, _ driver.Write) (driver.Result, bool) {
			return failed(c.Fence.Err), c.Fence.Err != nil
		}),
	},
	{
		"lets a damaged fence hide the checkpoint",
		[]string{"damaged-fence/without-an-epoch", "inspect/damage"},
		func(f *faulty) {
			shown(func(c *driver.Cell) {
				if c.Fence.Err != nil {
					c.Checkpoint = driver.StoredCheckpoint{}
				}
			})(f)
			given(func(c *cell.Cell, _ *driver.Write) {
				if c.Fence.Err != nil {
					c.Checkpoint = driver.StoredCheckpoint{}
				}
			})(f)
		},
	},
	{
		"grants a lease over a damaged fence",
		[]string{"damaged-fence/leases", "lease-batch/damage"},
		leasing(acquire, func(c *cell.Cell, _ *driver.Lease) {
			if c.Fence.Err != nil {
				*c = cell.Cell{Key: c.Key, Checkpoint: c.Checkpoint}
			}
		}),
	},
	{
		"renews over a damaged fence",
		[]string{"damaged-fence/leases"},
		leasing(renew, func(c *cell.Cell, l *driver.Lease) { c.Fence.Err, c.Fence.Epoch = nil, l.Epoch }),
	},
	{
		"releases nothing over a damaged fence",
		[]string{"damaged-fence/leases"},
		leased(release, func(before cell.Cell, _ driver.Lease, c *cell.Cell, r *driver.LeaseResult) {
			if before.Fence.Err != nil {
				*c, r.Err = before, before.Fence.Err
			}
		}),
	},
}

var damagedLeaseFaults = []fault{
	{
		"takes a damaged lease for a free one",
		[]string{"damaged-lease/is-not-free", "lease-batch/damage", "release-fences/needed"},
		leasing(acquire, func(c *cell.Cell, _ *driver.Lease) {
			if c.Lease.Err != nil {
				c.Lease = driver.StoredLease{}
			}
		}),
	},
	{
		"takes a damaged lease for a held one",
		[]string{"damaged-lease/is-not-free"},
		leased(acquire, func(_ cell.Cell, _ driver.Lease, _ *cell.Cell, r *driver.LeaseResult) {
			if errors.Is(r.Err, driver.ErrCorruptLease) {
				r.Err = &driver.LeaseHeldError{}
			}
		}),
	},
	{
		"raises the fence over a damaged lease",
		[]string{"damaged-lease/is-not-free"},
		leased(acquire, func(_ cell.Cell, _ driver.Lease, c *cell.Cell, r *driver.LeaseResult) {
			if errors.Is(r.Err, driver.ErrCorruptLease) {
				c.Fence.Epoch++
			}
		}),
	},
	{
		"does not renew a damaged lease",
		[]string{"damaged-lease/renewed"},
		leased(renew, func(before cell.Cell, _ driver.Lease, c *cell.Cell, r *driver.LeaseResult) {
			if before.Lease.Err != nil {
				*c, *r = before, driver.LeaseResult{Err: before.Lease.Err}
			}
		}),
	},
}
