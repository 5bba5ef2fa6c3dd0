package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// TestStoppedProcessThatHoldsTheLock: a take-over waits for it no longer than
// the call allows, and is told which process it waits for.
func TestStoppedProcessThatHoldsTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	openAt(t, path).Close()
	d, err := sqlitestore.Open(t.Context(), path, &sqlitestore.Options{BusyTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	cmd, out := startChild(t, "hold", path, 0)
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		t.Fatal(err)
	}
	attempt := func(timeout time.Duration, want, hint string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		_, err := tryAcquire(ctx, d, "k", "standby", time.Minute)
		if !errors.Is(err, sqlitestore.ErrLocked) || !strings.Contains(err.Error(), want) || !strings.Contains(driver.Hint(err), hint) {
			t.Errorf("Acquire: %v; hint %q; want ErrLocked with %q and the hint %q", err, driver.Hint(err), want, hint)
		}
	}
	holder := fmt.Sprintf("process %d (", cmd.Process.Pid)
	attempt(time.Minute, holder, "wait for "+holder)
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the child is not stopped: %v, %v", status, err)
	}
	attempt(time.Minute, "stopped) holds the lock", fmt.Sprintf("kill -CONT %d", cmd.Process.Pid))
	attempt(500*time.Millisecond, "stopped) holds the lock", fmt.Sprintf("kill -CONT %d", cmd.Process.Pid))
}

// TestOwnTransactionThatHoldsTheLock is told from another process.
func TestOwnTransactionThatHoldsTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	openAt(t, path).Close()
	d, err := sqlitestore.Open(t.Context(), path, &sqlitestore.Options{BusyTimeout: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	run(t, shell(t, path), "BEGIN IMMEDIATE")
	_, err = tryAcquire(t.Context(), d, "k", "a", time.Minute)
	if err == nil || !strings.Contains(err.Error(), "this process") || !strings.Contains(driver.Hint(err), "end the transaction") {
		t.Errorf("Acquire: %v; hint %q; want that this process holds the lock, and has a transaction to end", err, driver.Hint(err))
	}
}

// TestRestoreNamesWhoUsesTheStore, if it is another process.
func TestRestoreNamesWhoUsesTheStore(t *testing.T) {
	p := newCopied(t)
	cmd, out := startChild(t, "hold", p.path, 0)
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		t.Fatal(err)
	}
	_, err := sqlitestore.Restore(t.Context(), p.path, p.copy)
	if want := fmt.Sprintf("by process %d (", cmd.Process.Pid); !errors.Is(err, sqlitestore.ErrInUse) || !strings.Contains(err.Error(), want) {
		t.Errorf("Restore: %v; want ErrInUse, %q", err, want)
	}
	t.Log(err)
}
