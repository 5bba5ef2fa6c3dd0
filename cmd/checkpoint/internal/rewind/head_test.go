package rewind_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/memstore"
)

// TestHead goes to the head that an instance has reported last, and nowhere if none has.
func TestHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := checkpoint.New(memstore.New(), nil)
		if err := store.Set(t.Context(), "k", at(5)); err != nil {
			t.Fatal(err)
		}
		report := func(instance string, head *checkpoint.Position) {
			time.Sleep(time.Second)
			if _, err := store.Report(t.Context(), "k", checkpoint.Status{Instance: instance, Head: head}, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		target := func() rewind.Step {
			cell, err := store.Inspect(t.Context(), "k")
			if err != nil {
				t.Fatal(err)
			}
			return rewind.StepOf(cell, rewind.Head(t.Context(), store))
		}
		report("standby", nil)
		if step := target(); step.Err == nil {
			t.Errorf("without a head it goes to %v", step.Position)
		}
		report("a", new(at(90)))
		report("b", new(at(80)))
		if step := target(); step.Err != nil || step.Position != at(80) || !step.Skips() {
			t.Errorf("it goes to %v, %v; want %v", step.Position, step.Err, at(80))
		}
		time.Sleep(time.Hour)
		if step := target(); step.Err == nil {
			t.Errorf("without a report it goes to %v", step.Position)
		}
	})
}
