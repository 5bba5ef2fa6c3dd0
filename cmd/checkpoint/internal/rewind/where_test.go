package rewind_test

import (
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/memstore"
)

func TestWhere(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	if err := store.Set(t.Context(), "k", at(10)); err != nil {
		t.Fatal(err)
	}
	cell, err := store.Inspect(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(time.Hour)
	for text, want := range map[string]checkpoint.Position{
		"0": {}, "start": {}, "5": at(5), "6": at(6), "12-34": {Commit: 12, Prepare: 34}, "C:1/P:2": {Commit: 1, Prepare: 2}, "offset:3": at(4),
		"30m": at(10), "0d1m": at(10), now.Format(time.RFC3339): at(10),
	} {
		target, err := rewind.Where(t.Context(), store, text, now)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if s := rewind.StepOf(cell, target); s.Err != nil || s.Position != want {
			t.Errorf("%q goes to %v, %v; want %v", text, s.Position, s.Err, want)
		}
	}
	_, err = store.Report(t.Context(), "k", checkpoint.Status{Instance: "a", Head: new(at(99)), Now: now}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	target, err := rewind.Where(t.Context(), store, "head", now)
	if err != nil {
		t.Fatal(err)
	}
	if s := rewind.StepOf(cell, target); s.Err != nil || s.Position != at(99) {
		t.Errorf("the head is at %v, %v", s.Position, s.Err)
	}
	for _, text := range []string{"", "-2h", "0s", "tomorrow", "-1", now.Add(time.Hour).Format(time.RFC3339)} {
		if _, err := rewind.Where(t.Context(), store, text, now); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
