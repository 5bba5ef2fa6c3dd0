package driver

import (
	"context"
	"iter"
	"time"
)

// A Cell is the checkpoint, the fence and the lease of one key. Each of them is absent,
// sound or damaged. The zero Cell holds nothing. Package cell has the rules by which a
// Cell changes. The audit entries, the samples and the reports of the key are no part of
// its Cell.
type Cell struct {
	Key        string
	Checkpoint StoredCheckpoint
	Fence      Fence
	Lease      StoredLease
}

// Holds reports whether anything is stored.
func (c *Cell) Holds() bool { return c.Checkpoint.Exists || c.Fence.Exists() || c.Lease.Exists() }

// A StoredCheckpoint is the checkpoint of a [Cell].
type StoredCheckpoint struct {
	Exists bool
	Mark
	ExpiresAt time.Time // zero: never

	// Err is an [ErrCorruptCheckpoint] if the checkpoint is damaged. Then each of
	// Epoch, LogID and ExpiresAt is set if it can still be read, otherwise zero.
	Err error
}

// A Fence is the highest epoch that a key has seen. Its Epoch is zero if the key
// has seen none.
type Fence struct {
	Epoch    uint64
	RaisedAt time.Time // by the engine's clock, whole milliseconds; zero: not known
	Err      error     // an [ErrCorruptFence] if it is damaged; Epoch is then zero
}

// Exists reports whether a fence is stored, sound or damaged.
func (f Fence) Exists() bool { return f.Epoch != 0 || f.Err != nil }

// A StoredLease is the lease of a [Cell]. It may have ended.
type StoredLease struct {
	Lease

	// Err is an [ErrCorruptLease] if the lease is damaged. Then each of Owner and
	// Epoch is set if it can still be read, otherwise zero.
	Err error
}

// Exists reports whether a lease is stored, sound or damaged.
func (l StoredLease) Exists() bool { return l.Owner != "" || l.Err != nil }

// An Inspector is a Driver that shows its cells, so that an operator sees who
// holds a lease and what is damaged.
type Inspector interface {
	// Inspect returns the cells of keys, in the order of the keys. It changes nothing.
	// A checkpoint that has expired is absent. A lease that has ended is shown.
	Inspect(ctx context.Context, keys []string) ([]Cell, error)

	// ScanCells yields, as Scan does, the cell of every key that matches pattern
	// and has a checkpoint, a fence or a lease.
	ScanCells(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]Cell, error]
}

// A Fencer is a Driver whose fences an operator can raise, and release once
// nobody needs them.
type Fencer interface {
	// RaiseFence raises the key's fence to atLeast, or to one more than the highest
	// epoch that is stored for the key, whichever is higher. In the same atomic step it
	// removes the key's lease. It returns the new fence. It repairs a damaged fence and
	// a damaged lease.
	//
	// If the fence is damaged and atLeast is zero, the error is [ErrCorruptFence]: the
	// caller must say what the fence was. If the fence cannot be raised, the error is
	// [ErrEpochExhausted]. If the key has no fence, no epoch and no lease, and atLeast
	// is zero, nothing changes, and the returned fence is zero.
	RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error)

	// ReleaseFences removes those fences of keys that protect nothing, and returns how
	// many it removed. A fence protects nothing if the key has no checkpoint, and if its
	// last raise and the end of its last lease are at least idle ago. A lease that was
	// released does not count. A fence stays if it is damaged, if the time of its last
	// raise is not known, or if the lease is damaged.
	//
	// A key that loses its fence forgets every epoch: a writer that still has one can
	// write again. With its fence it loses its audit entries and its samples.
	ReleaseFences(ctx context.Context, keys []string, idle time.Duration) (int, error)
}

// Inspect calls d's own Inspect. The error is [ErrUnsupported] if d is not an
// [Inspector].
func Inspect(ctx context.Context, d Driver, keys []string) ([]Cell, error) {
	i, ok := d.(Inspector)
	if !ok {
		return nil, unsupported(d, "it does not show fences and leases")
	}
	cells, err := i.Inspect(ctx, keys)
	if err == nil && len(cells) != len(keys) {
		return nil, wrongCount("keys", len(keys), "cells", len(cells))
	}
	return cells, err
}

// ScanCells calls d's own ScanCells. The error is [ErrUnsupported] if d is not an
// [Inspector].
func ScanCells(ctx context.Context, d Driver, pattern string, pageSize int) iter.Seq2[[]Cell, error] {
	if i, ok := d.(Inspector); ok {
		return i.ScanCells(ctx, pattern, pageSize)
	}
	return func(yield func([]Cell, error) bool) { yield(nil, unsupported(d, "it does not show fences and leases")) }
}

// Fences returns d as a [Fencer], or [ErrUnsupported] if d is not one.
func Fences(d Driver) (Fencer, error) {
	f, ok := d.(Fencer)
	if !ok {
		return nil, unsupported(d, "its fences cannot be raised")
	}
	return f, nil
}
