package sqlitestore_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// TestContextEndsWhileAnotherProcessWrites: a write that still waits for the
// lock is withdrawn, and so is known not to have landed.
func TestContextEndsWhileAnotherProcessWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	d := openAt(t, path)
	other := shell(t, path)
	run(t, other, "BEGIN IMMEDIATE")

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	results, err := d.Write(ctx, []driver.Write{{Key: "k", Mark: driver.Mark{Position: driver.Position{Commit: 1}, UpdatedAt: someTime}}})
	if err != nil || results[0].Outcome != driver.Failed || !errors.Is(results[0].Err, context.Canceled) {
		t.Errorf("Write: %+v, %v; want Failed with context.Canceled", results, err)
	}

	run(t, other, "ROLLBACK")
	store := checkpoint.New(d, nil)
	if err := store.Set(t.Context(), "other", checkpoint.Position{}); err != nil {
		t.Errorf("a write after the lock is gone: %v", err)
	}
	if _, err := store.Get(t.Context(), "k"); !isNotFound(err) {
		t.Errorf("the withdrawn write: %v; want ErrNotFound", err)
	}
}

func TestBusyTimeoutIsAClearError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	openAt(t, path).Close()
	d, err := sqlitestore.Open(t.Context(), path, &sqlitestore.Options{BusyTimeout: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
	other := shell(t, path)
	run(t, other, "BEGIN IMMEDIATE")
	_, err = store.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: 1})
	if !errors.Is(err, sqlitestore.ErrLocked) || !strings.Contains(err.Error(), "another connection keeps it locked") ||
		!strings.Contains(err.Error(), path) {
		t.Errorf("SetIfNewer: %v", err)
	}
	// Reading goes on beside a writer.
	if _, err := store.Get(t.Context(), "k"); !isNotFound(err) {
		t.Errorf("Get beside a writer: %v; want ErrNotFound", err)
	}
	run(t, other, "ROLLBACK")
	if ok, err := store.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: 1}); !ok || err != nil {
		t.Errorf("SetIfNewer after the lock is gone: %v, %v", ok, err)
	}
}

func TestCloseFailsWhatWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	d := openAt(t, path)
	run(t, shell(t, path), "BEGIN IMMEDIATE")
	done := make(chan []driver.Result, 1)
	go func() {
		results, _ := d.Write(context.Background(), []driver.Write{{Key: "k", Mark: driver.Mark{UpdatedAt: someTime}}})
		done <- results
	}()
	time.AfterFunc(20*time.Millisecond, func() { d.Close() })
	if r := (<-done)[0]; r.Outcome != driver.Failed || !errors.Is(r.Err, checkpoint.ErrClosed) {
		t.Errorf("a write that waits while the driver is closed: %+v; want Failed with ErrClosed", r)
	}
}

func TestNegativeBusyTimeout(t *testing.T) {
	_, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "file.db"), &sqlitestore.Options{BusyTimeout: -1})
	if err == nil {
		t.Error("a negative BusyTimeout is accepted")
	}
}

// TestEachCallWaitsForItself: one that comes late to a locked file is not
// failed with those that have waited long.
func TestEachCallWaitsForItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	openAt(t, path).Close()
	d, err := sqlitestore.Open(t.Context(), path, &sqlitestore.Options{BusyTimeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
	other := shell(t, path)
	run(t, other, "BEGIN IMMEDIATE")
	early := make(chan error, 1)
	go func() { early <- store.Set(t.Context(), "early", checkpoint.Position{}) }()
	late := make(chan error, 1)
	time.AfterFunc(2500*time.Millisecond, func() { late <- store.Set(context.Background(), "late", checkpoint.Position{}) })
	if err := <-early; err == nil {
		t.Fatal("a write to a locked file is acknowledged")
	}
	run(t, other, "ROLLBACK")
	if err := <-late; err != nil {
		t.Errorf("a write that began to wait shortly before the lock went: %v", err)
	}
}
