package redisstore_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// TestDamagedFenceRefusesWrites: a write with an epoch must not take a fence that
// it cannot read for one that was never there.
func TestDamagedFenceRefusesWrites(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	ctx := t.Context()
	spoil := map[string][]string{
		"without its epoch": {"HSET", layoutFence, "owner", "a"},
		"of another type":   {"SET", layoutFence, "7"},
	}
	for _, epoch := range []string{"", "07", "-7", "7.0", "x", "18446744073709551616"} {
		spoil["with epoch "+strconv.Quote(epoch)] = []string{"HSET", layoutFence, "epoch", epoch}
	}
	for name, command := range spoil {
		t.Run(name, func(t *testing.T) {
			server.Do("FLUSHALL")
			if err := store.Set(ctx, "orders", at(1, 1)); err != nil {
				t.Fatal(err)
			}
			server.Do(command...)
			_, setErr := store.SetIfNewer(ctx, "orders", at(2, 2), checkpoint.Epoch(7))
			_, rewindErr := store.Rewind(ctx, "orders", at(0, 0))
			for what, err := range map[string]error{"SetIfNewer": setErr, "Rewind": rewindErr} {
				if !errors.Is(err, checkpoint.ErrCorrupt) {
					t.Errorf("%s with an epoch: %v; want ErrCorrupt", what, err)
				}
			}
			if c, err := store.Get(ctx, "orders"); err != nil || c.Position != at(1, 1) {
				t.Errorf("then Get is %s, %v; want what was there", c.Position, err)
			}
			if _, err := store.SetIfNewer(ctx, "orders", at(2, 2)); err != nil {
				t.Errorf("a write without an epoch does not look at the fence, but: %v", err)
			}
		})
	}
}

// TestLostFence: the checkpoint's own epoch tells that the fence has been higher.
func TestLostFence(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	ctx := t.Context()
	for name, command := range map[string][]string{
		"removed": {"DEL", layoutFence},
		"lowered": {"HSET", layoutFence, "epoch", "5"},
	} {
		t.Run(name, func(t *testing.T) {
			server.Do("FLUSHALL")
			if _, err := store.SetIfNewer(ctx, "orders", at(1, 1), checkpoint.Epoch(9)); err != nil {
				t.Fatal(err)
			}
			server.Do(command...)
			_, newerErr := store.SetIfNewer(ctx, "orders", at(2, 2), checkpoint.Epoch(7))
			_, rewindErr := store.Rewind(ctx, "orders", at(0, 0))
			_, acquireErr := store.Acquire(ctx, "orders", "a", time.Hour)
			for what, err := range map[string]error{
				"SetIfNewer": newerErr, "Rewind": rewindErr, "Acquire": acquireErr,
				"Set": store.Set(ctx, "orders", at(2, 2), checkpoint.Epoch(7)),
			} {
				if !errors.Is(err, checkpoint.ErrCorrupt) {
					t.Errorf("%s with an epoch: %v; want ErrCorrupt", what, err)
				}
			}
			if c, err := store.Get(ctx, "orders"); err != nil || c.Position != at(1, 1) || c.Epoch != 9 {
				t.Errorf("then Get is %s with epoch %d, %v; want what was there", c.Position, c.Epoch, err)
			}
		})
	}
}

// TestReleaseLeavesADamagedFence: a fence that has lost its epoch does not become a missing one
// when its lease ends, or the epochs would start again.
func TestReleaseLeavesADamagedFence(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	ctx := t.Context()
	var lease checkpoint.Lease
	for range 7 {
		var err error
		if lease, err = store.Acquire(ctx, "orders", "a", time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	server.Do("HDEL", layoutFence, "epoch", "raised")
	if err := store.Release(ctx, lease); err != nil {
		t.Errorf("Release: %v", err)
	}
	if again, err := store.Acquire(ctx, "orders", "b", time.Hour); !errors.Is(err, checkpoint.ErrCorrupt) {
		t.Errorf("Acquire after the release: %+v, %v; want ErrCorrupt", again, err)
	}
	if _, err := store.SetIfNewer(ctx, "orders", at(1, 1), checkpoint.Epoch(7)); !errors.Is(err, checkpoint.ErrCorrupt) {
		t.Errorf("SetIfNewer with the former epoch: %v; want ErrCorrupt", err)
	}
	if cell, err := store.Inspect(ctx, "orders"); err != nil || !errors.Is(cell.Fence.Err, checkpoint.ErrCorruptFence) || cell.Lease.Exists() {
		t.Errorf("Inspect: %+v, %v; want a damaged fence and no lease", cell, err)
	}
	if fence, err := store.Fence(ctx, "orders", 8); err != nil || fence != 8 {
		t.Errorf("Fence above the former epoch: %d, %v; want 8", fence, err)
	}
}

// TestFenceThatMayNotBeRaised: a user who may not write a fence must not take the damaged one
// away.
func TestFenceThatMayNotBeRaised(t *testing.T) {
	server := redistest.Start(t)
	full := inNamespace(t, standalone(t, server), "prod:")
	server.Do("ACL", "SETUSER", "user", "on", ">secret", "~*", "+@all", "-hset")
	store := inNamespace(t, as(t, server, "user"), "prod:")
	for name, command := range map[string][]string{
		"without its epoch": {"HSET", layoutFence, "owner", "a", "leaseEpoch", "7", "until", "1"},
		"of another type":   {"SET", layoutFence, "7"},
	} {
		t.Run(name, func(t *testing.T) {
			server.Do("FLUSHALL")
			server.Do(command...)
			if fence, err := store.Fence(t.Context(), "orders", 8); err == nil {
				t.Errorf("Fence without the permission is %d", fence)
			}
			if cell, err := full.Inspect(t.Context(), "orders"); err != nil || !errors.Is(cell.Fence.Err, checkpoint.ErrCorruptFence) {
				t.Errorf("then Inspect is %+v, %v; want the damaged fence", cell, err)
			}
		})
	}
}
