package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// TestReadOnlyChangesNothing makes every call that changes a store.
func TestReadOnlyChangesNothing(t *testing.T) {
	mem := memstore.New()
	writable, s, ctx := checkpoint.New(mem, nil), checkpoint.New(engine.ReadOnly(mem), nil), t.Context()
	at := checkpoint.Position{Commit: 1}
	if err := writable.Set(ctx, "k", at); err != nil {
		t.Fatal(err)
	}
	lease, err := writable.Acquire(ctx, "k", "owner", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	before, err := writable.Inspect(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() error{
		"Set":           func() error { return s.Set(ctx, "k", checkpoint.Position{}) },
		"SetIfNewer":    func() error { _, err := s.SetIfNewer(ctx, "k", checkpoint.Position{Commit: 2}); return err },
		"Rewind":        func() error { _, err := s.Rewind(ctx, "k", checkpoint.Position{}); return err },
		"Touch":         func() error { return s.Touch(ctx, "k", time.Hour) },
		"Delete":        func() error { return s.Delete(ctx, "k") },
		"Clear":         func() error { _, err := s.Clear(ctx, "*"); return err },
		"Acquire":       func() error { _, err := s.Acquire(ctx, "k", "owner", time.Hour); return err },
		"Renew":         func() error { _, err := s.Renew(ctx, lease, time.Hour); return err },
		"Release":       func() error { return s.Release(ctx, lease) },
		"Fence":         func() error { _, err := s.Fence(ctx, "k", 0); return err },
		"Revoke":        func() error { _, err := s.Revoke(ctx, "k"); return err },
		"ReleaseFences": func() error { _, err := s.ReleaseFences(ctx, "*", 0); return err },
		"Report":        func() error { _, err := s.Report(ctx, "k", checkpoint.Status{Instance: "a"}, time.Hour); return err },
		"Pause":         func() error { return s.Pause(ctx, "k") },
		"Resume":        func() error { return s.Resume(ctx, "k") },
	} {
		if change() == nil {
			t.Errorf("%s changes a store that is open for reading only", name)
		}
	}
	after, err := s.Inspect(ctx, "k")
	if err != nil || after != before {
		t.Errorf("got %+v, %v, want %+v", after, err, before)
	}
	if entries, err := s.History(ctx, "k", 9); err != nil || len(entries) != 1 {
		t.Errorf("the history is %v, %v", entries, err)
	}
	if _, err := s.Statuses(ctx, "k"); err != nil && !errors.Is(err, driver.ErrUnsupported) {
		t.Error(err)
	}
}
