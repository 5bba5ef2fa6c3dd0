package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

func acquire(tb testing.TB, l driver.Leaser, key, owner string, ttl time.Duration) driver.Lease {
	tb.Helper()
	lease, err := tryAcquire(tb.Context(), l, key, owner, ttl)
	if err != nil {
		tb.Fatalf("Acquire(%q, %q): %v", key, owner, err)
	}
	return lease
}

// mustBeHeld checks that another owner gets no lease because of held.
func mustBeHeld(tb testing.TB, l driver.Leaser, held driver.Lease) {
	tb.Helper()
	_, err := tryAcquire(tb.Context(), l, held.Key, "not "+held.Owner, time.Minute)
	var e *driver.LeaseHeldError
	if !errors.As(err, &e) || e.Owner != held.Owner || !e.ExpiresAt.Equal(held.ExpiresAt) {
		tb.Errorf("Acquire(%q) by another: %v; want that %q holds it until %s", held.Key, err, held.Owner, held.ExpiresAt)
	}
}

func TestLeaseBetweenTwoDrivers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	one, two := openAt(t, path), openAt(t, path)
	before := time.Now().Truncate(time.Millisecond)
	first := acquire(t, one, "k", "a", time.Minute)
	if first.Epoch != 1 || first.ExpiresAt.Before(before.Add(time.Minute)) || first.ExpiresAt.After(time.Now().Add(time.Minute+time.Millisecond)) ||
		first.ExpiresAt.Location() != time.UTC || !first.ExpiresAt.Equal(first.ExpiresAt.Truncate(time.Millisecond)) {
		t.Errorf("Acquire gives %+v", first)
	}
	mustBeHeld(t, two, first)

	renewed, err := renew(t.Context(), two, first, time.Hour)
	if err != nil || renewed.Epoch != 1 || renewed.ExpiresAt.Sub(first.ExpiresAt) < 59*time.Minute {
		t.Errorf("Renew = %+v, %v", renewed, err)
	}
	mustBeHeld(t, one, renewed)

	again := acquire(t, two, "k", "a", 2*time.Second)
	if again.Epoch != 2 {
		t.Errorf("the owner's next lease has epoch %d", again.Epoch)
	}
	// Its former self.
	if _, err := renew(t.Context(), one, first, time.Hour); !isFenced(err) ||
		!strings.HasSuffix(err.Error(), "the lease has epoch 1, the key has seen 2") {
		t.Errorf("Renew of a lease that was replaced: %v", err)
	}
	if err := release(t.Context(), one, first); err != nil {
		t.Errorf("Release of a lease that was replaced: %v", err)
	}
	mustBeHeld(t, one, again)

	time.Sleep(time.Until(again.ExpiresAt))
	// Nobody has taken over.
	if again, err = renew(t.Context(), one, again, 2*time.Second); err != nil {
		t.Fatalf("Renew of a lease that has expired: %v", err)
	}
	mustBeHeld(t, two, again)
	time.Sleep(time.Until(again.ExpiresAt))
	taken := acquire(t, two, "k", "b", time.Minute)
	if taken.Epoch != 3 {
		t.Errorf("a lease that was taken over has epoch %d", taken.Epoch)
	}
	if err := release(t.Context(), one, taken); err != nil {
		t.Fatal(err)
	}
	if next := acquire(t, one, "k", "a", time.Minute); next.Epoch != 4 {
		t.Errorf("after Release the next lease has epoch %d", next.Epoch)
	}
}

// TestLeaseInTheShell: what an operator reads, and what SQLite lets nobody write.
func TestLeaseInTheShell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	lease := acquire(t, openAt(t, path), "orders", "worker 1", time.Minute)
	conn := shell(t, path)
	var owner, epoch, expiresAt, fence string
	err := conn.QueryRowContext(t.Context(), `SELECT owner, leases.epoch, expires_at, fences.epoch
		FROM leases JOIN fences USING (key) WHERE key = 'orders'`).Scan(&owner, &epoch, &expiresAt, &fence)
	if err != nil || owner != "worker 1" || epoch != "00000000000000000001" || fence != epoch ||
		expiresAt != lease.ExpiresAt.Format("2006-01-02T15:04:05.000Z") {
		t.Errorf("the shell shows %q %q %q, fence %q, %v; the lease is %+v", owner, epoch, expiresAt, fence, err, lease)
	}
	for _, set := range []string{"owner = NULL", "epoch = '1'", "epoch = '0000000000000000000x'", "expires_at = 'soon'", "expires_at = NULL"} {
		if _, err := conn.ExecContext(t.Context(), "UPDATE leases SET "+set); err == nil {
			t.Errorf("the table takes %s", set)
		}
	}
}

func TestRewindVoidsALease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	d := openAt(t, path)
	store := checkpoint.New(openAt(t, path), nil)
	lease := acquire(t, d, "k", "a", time.Hour)
	if err := store.Set(t.Context(), "k", checkpoint.Position{Commit: 5}, checkpoint.Epoch(lease.Epoch)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Rewind(t.Context(), "k", checkpoint.Position{}); err != nil {
		t.Fatal(err)
	}
	if _, err := renew(t.Context(), d, lease, time.Hour); !isFenced(err) {
		t.Errorf("Renew after a Rewind: %v; want ErrFenced", err)
	}
	if next := acquire(t, d, "k", "b", time.Hour); next.Epoch != lease.Epoch+2 {
		t.Errorf("the lease after a Rewind has epoch %d", next.Epoch)
	}
}

func TestLeaseOutlivesClear(t *testing.T) {
	store, path := newStore(t)
	d := openAt(t, path)
	lease := acquire(t, d, "k", "a", time.Hour)
	if err := store.Set(t.Context(), "k", checkpoint.Position{Commit: 5}, checkpoint.Epoch(lease.Epoch)); err != nil {
		t.Fatal(err)
	}
	if n, err := store.Clear(t.Context(), "*"); n != 1 || err != nil {
		t.Fatalf("Clear = %d, %v", n, err)
	}
	mustBeHeld(t, d, lease)
	if _, err := renew(t.Context(), d, lease, time.Hour); err != nil {
		t.Errorf("Renew after Clear: %v", err)
	}
}

func TestLeaseOnAnExhaustedKey(t *testing.T) {
	store, path := newStore(t)
	d := openAt(t, path)
	if err := store.Set(t.Context(), "k", checkpoint.Position{}, checkpoint.Epoch(math.MaxUint64-1)); err != nil {
		t.Fatal(err)
	}
	last := acquire(t, d, "k", "a", time.Hour)
	if last.Epoch != math.MaxUint64 {
		t.Errorf("the last lease has epoch %d", last.Epoch)
	}
	mustBeHeld(t, d, last)
	if _, err := tryAcquire(t.Context(), d, "k", "a", time.Hour); !errors.Is(err, driver.ErrEpochExhausted) {
		t.Errorf("Acquire beyond the last epoch: %v; want ErrEpochExhausted", err)
	}
	if _, err := renew(t.Context(), d, last, time.Hour); err != nil {
		t.Errorf("Renew of the last lease: %v", err)
	}
}

// TestContextOfALeaseEndsWhileLocked: a call that still waits for the lock is
// withdrawn, and grants, renews and ends nothing later.
func TestContextOfALeaseEndsWhileLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	d := openAt(t, path)
	held := acquire(t, d, "held", "a", time.Hour)
	for name, do := range map[string]func(ctx context.Context) error{
		"Acquire": func(ctx context.Context) error {
			_, err := tryAcquire(ctx, d, "k", "a", time.Hour)
			return err
		},
		"Renew": func(ctx context.Context) error {
			_, err := renew(ctx, d, held, 9*time.Hour)
			return err
		},
		"Release": func(ctx context.Context) error { return release(ctx, d, held) },
	} {
		t.Run(name, func(t *testing.T) {
			other := shell(t, path)
			run(t, other, "BEGIN IMMEDIATE")
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(20*time.Millisecond, cancel)
			if err := do(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("while the file is locked: %v; want context.Canceled", err)
			}
			run(t, other, "ROLLBACK")
			if err := do(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("with a context that has ended: %v; want context.Canceled", err)
			}
		})
	}
	mustBeHeld(t, d, held)
	if lease := acquire(t, d, "k", "b", time.Hour); lease.Epoch != 1 {
		t.Errorf("the lease after the one that was withdrawn has epoch %d", lease.Epoch)
	}
}

// TestRefusalsAreTheirOwn: in one transaction, calls that are refused do not
// fail the others.
func TestRefusalsAreTheirOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	d := openAt(t, path)
	held := acquire(t, d, "held", "a", time.Hour)
	acquire(t, d, "damaged", "a", time.Hour)
	other := shell(t, path)
	run(t, other, "PRAGMA ignore_check_constraints = ON")
	run(t, other, "UPDATE leases SET epoch = 'x' WHERE key = 'damaged'")
	run(t, other, "BEGIN IMMEDIATE")
	var wg sync.WaitGroup
	for i := range 10 {
		free := fmt.Sprintf("free/%d", i)
		wg.Go(func() { mustBeHeld(t, d, held) })
		wg.Go(func() {
			if _, err := tryAcquire(t.Context(), d, "damaged", "b", time.Hour); !errors.Is(err, checkpoint.ErrCorrupt) {
				t.Errorf("Acquire of a damaged lease: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := renew(t.Context(), d, driver.Lease{Key: "held", Owner: "a", Epoch: 9}, time.Hour); !isFenced(err) {
				t.Errorf("Renew with another epoch: %v", err)
			}
		})
		wg.Go(func() {
			if lease, err := tryAcquire(t.Context(), d, free, "b", time.Hour); err != nil || lease.Epoch != 1 {
				t.Errorf("Acquire of a free lease: %+v, %v", lease, err)
			}
		})
		wg.Go(func() {
			results, err := d.Write(t.Context(), []driver.Write{{Key: free, Mark: driver.Mark{UpdatedAt: someTime}}})
			if err != nil || results[0].Outcome != driver.Advanced {
				t.Errorf("Write: %+v, %v", results, err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond) // all wait
	run(t, other, "ROLLBACK")
	wg.Wait()
}
