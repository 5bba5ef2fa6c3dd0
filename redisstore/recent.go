package redisstore

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/checkpointstore/checkpoint/driver"
)

// recent remembers in which bucket of time this driver has last written a key. Until the
// next bucket no write of the key keeps a sample, so the script need not be asked. If
// another writer, whose clock is behind, writes in between, a sample is missed. That costs
// detail, and nothing else.
type recent struct {
	seed  maphash.Seed
	slots [1 << 13]atomic.Uint64 // by key; a key takes the place of another now and then
}

func newRecent() *recent { return &recent{seed: maphash.MakeSeed()} }

// at returns the slot of a write's key, and what is there if the last write of the key was
// in the same bucket.
func (r *recent) at(w *driver.Write) (slot *atomic.Uint64, mark uint64) {
	h := maphash.String(r.seed, w.Key)
	bucket := uint64(w.SampleBefore.UnixMilli()) //nolint:gosec // a hash
	return &r.slots[h%uint64(len(r.slots))], h ^ bucket*0x9e3779b97f4a7c15 | 1
}

func (r *recent) has(w *driver.Write) bool {
	slot, mark := r.at(w)
	return slot.Load() == mark
}

// add is called when w has landed.
func (r *recent) add(w *driver.Write) {
	if w.SampleBefore.IsZero() || w.Mode == driver.Touch || w.UpdatedAt.Before(w.SampleBefore) {
		return
	}
	slot, mark := r.at(w)
	if slot.Load() != mark {
		slot.Store(mark)
	}
}

// sampleBefore returns the argument by which the script decides whether w keeps a sample. It
// is "" if w keeps none.
func (d *Driver) sampleBefore(w *driver.Write) any {
	if !d.fenced || w.SampleBefore.IsZero() || d.recent.has(w) {
		return ""
	}
	return stamped(&d.bucket, w.SampleBefore)
}
