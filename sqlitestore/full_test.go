//go:build unix

package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/checkpointstore/checkpoint"
)

// TestFullDisk runs a process that may not make a file longer than so much,
// which SQLite meets as it meets a full disk. The limit falls at each page of
// the log in turn.
func TestFullDisk(t *testing.T) {
	for kib := uint64(1); kib <= 128; kib += 3 {
		path := filepath.Join(t.TempDir(), "checkpoints.db")
		store := checkpoint.New(openAt(t, path), nil)
		if err := store.Set(t.Context(), "before", checkpoint.Position{Commit: 1}); err != nil {
			t.Fatal(err)
		}
		store.Close()
		cmd, _ := startChild(t, "full", path, kib<<10)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("at %d KiB: %v", kib, err)
		}
		checkIntegrity(t, path)
	}
}

func init() { roles["full"] = fillTheDisk }

// fillTheDisk writes until it fails, and checks that what was acknowledged is
// there and that the store works again when there is room.
func fillTheDisk(ctx context.Context, store *checkpoint.Store, limit uint64) error {
	signal.Ignore(syscall.SIGXFSZ)
	var unlimited syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &unlimited); err != nil {
		return err
	}
	err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: unlimited.Max})
	if err != nil {
		return err
	}
	long := strings.Repeat("k", 400)
	key := func(i int) string { return fmt.Sprintf("%s/%d", long, i) }
	n := 0
	var failure error
	var outcomes []checkpoint.Outcome
	for ; failure == nil; n++ {
		if n == 10_000 {
			return errors.New("10,000 writes went through, and none met the limit")
		}
		outcomes, failure = store.Apply(ctx, checkpoint.Write{Key: key(n), Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: uint64(n), Prepare: 1}}})
	}
	n-- // the one that failed
	if _, err := store.Get(ctx, key(n)); outcomes[0] == checkpoint.Failed && !isNotFound(err) {
		return fmt.Errorf("a write that failed is there: %w", err)
	}
	if isNotFound(failure) || errors.Is(failure, checkpoint.ErrCorrupt) ||
		!strings.Contains(failure.Error(), os.Getenv(envPath)) || !strings.Contains(failure.Error(), "limit of the file size") {
		return fmt.Errorf("a full disk gives the error %w", failure)
	}
	for i := range n {
		cp, err := store.Get(ctx, key(i))
		if err != nil || cp.Position.Commit != uint64(i) {
			return fmt.Errorf("write %d of %d was acknowledged, and then: %v, %w", i, n, cp.Position, err)
		}
	}
	if _, err := store.Get(ctx, "never written"); !isNotFound(err) {
		return fmt.Errorf("a key that was never written: %w", err)
	}

	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &unlimited); err != nil {
		return err
	}
	if ok, err := store.SetIfNewer(ctx, key(n), checkpoint.Position{Commit: uint64(n), Prepare: 1}); !ok || err != nil {
		return fmt.Errorf("there is room again, and a write: %v, %w", ok, err)
	}
	found := 0
	for _, err := range store.GetAll(ctx, "*") {
		if err != nil {
			return err
		}
		found++
	}
	if want := n + 2; found != want { // the one before, and the one that failed at first
		return fmt.Errorf("%d checkpoints are there, want %d", found, want)
	}
	return store.Close()
}
