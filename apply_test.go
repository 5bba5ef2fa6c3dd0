package checkpoint_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

func TestApplyOutcomes(t *testing.T) {
	d := memstore.New()
	s := checkpoint.New(d, nil)
	old, recent := checkpoint.Position{Commit: 1}, checkpoint.Position{Commit: 2}
	for _, key := range []string{"a", "b"} {
		if _, err := s.Rewind(t.Context(), key, recent, checkpoint.Epoch(6)); err != nil {
			t.Fatal(err)
		}
	}
	outcomes, err := s.Apply(t.Context(),
		checkpoint.Write{Key: "a", Mark: checkpoint.Mark{Position: old}, IfNewer: true},
		checkpoint.Write{Key: "a", Mark: checkpoint.Mark{Position: recent}, IfNewer: true},
		checkpoint.Write{Key: "b", Mark: checkpoint.Mark{Position: recent, Epoch: 6}},
		checkpoint.Write{Key: "c", Mark: checkpoint.Mark{Position: old}, IfNewer: true},
		checkpoint.Write{Key: "c", Mark: checkpoint.Mark{Position: recent}, IfNewer: true},
		checkpoint.Write{Key: "c", Mark: checkpoint.Mark{Position: old}},
	)
	want := []checkpoint.Outcome{
		checkpoint.Stale, checkpoint.Unchanged, checkpoint.Fenced,
		checkpoint.Advanced, checkpoint.Advanced, checkpoint.Advanced,
	}
	if err != nil || !slices.Equal(outcomes, want) {
		t.Fatalf("Apply = %v, %v; want %v", outcomes, err, want)
	}
	if c, err := s.Get(t.Context(), "c"); err != nil || c.Position != old {
		t.Errorf("c = %v, %v; want %v", c, err, old)
	}
}

func TestApplyNothing(t *testing.T) {
	outcomes, err := checkpoint.New(memstore.New(), nil).Apply(t.Context())
	if len(outcomes) != 0 || err != nil {
		t.Errorf("Apply() = %v, %v", outcomes, err)
	}
}

func TestApplySendsNothingOfAnInvalidBatch(t *testing.T) {
	d := memstore.New()
	s := checkpoint.New(d, nil)
	for _, bad := range []checkpoint.Write{{Key: "\n"}, {Key: "b", TTL: -1}} {
		outcomes, err := s.Apply(t.Context(), checkpoint.Write{Key: "a"}, bad)
		if err == nil || !slices.Equal(outcomes, []checkpoint.Outcome{checkpoint.Failed, checkpoint.Failed}) {
			t.Errorf("Apply = %v, %v", outcomes, err)
		}
	}
	if there, err := s.Exists(t.Context(), "a"); there || err != nil {
		t.Errorf("after it a exists: %v, %v", there, err)
	}
}

func TestApplySaysWhatLanded(t *testing.T) {
	d := memstore.New()
	s := checkpoint.New(d, nil)
	d.Damage("b")
	outcomes, err := s.Apply(t.Context(),
		checkpoint.Write{Key: "a", IfNewer: true},
		checkpoint.Write{Key: "b", IfNewer: true},
		checkpoint.Write{Key: "c", IfNewer: true},
	)
	want := []checkpoint.Outcome{checkpoint.Advanced, checkpoint.Failed, checkpoint.Advanced}
	if !errors.Is(err, checkpoint.ErrCorrupt) || !slices.Equal(outcomes, want) {
		t.Fatalf("Apply = %v, %v; want %v and ErrCorrupt", outcomes, err, want)
	}
	if text := err.Error(); !strings.Contains(text, "of 3 writes 1 did not land and of 0") || !strings.Contains(text, `"b"`) {
		t.Errorf("the error is %q", text)
	}
}

// cut is a driver whose connection breaks while the batch is under way.
type cut struct{ driver.Driver }

var errCut = errors.New("connection reset by peer")

func (cut) Write(context.Context, []driver.Write) ([]driver.Result, error) { return nil, errCut }

func TestApplySaysThatItCannotKnow(t *testing.T) {
	s := checkpoint.New(cut{memstore.New()}, nil)
	outcomes, err := s.Apply(t.Context(), checkpoint.Write{Key: "a"}, checkpoint.Write{Key: "b"})
	if !errors.Is(err, errCut) || !slices.Equal(outcomes, []checkpoint.Outcome{checkpoint.Unknown, checkpoint.Unknown}) {
		t.Errorf("Apply = %v, %v", outcomes, err)
	}
}

func TestErrFencedTellsBothEpochs(t *testing.T) {
	s := checkpoint.New(memstore.New(), nil)
	if err := s.Set(t.Context(), "a", somewhere, checkpoint.Epoch(7)); err != nil {
		t.Fatal(err)
	}
	updated, err := s.SetIfNewer(t.Context(), "a", somewhere, checkpoint.Epoch(5))
	if updated || !errors.Is(err, checkpoint.ErrFenced) {
		t.Fatalf("SetIfNewer = %v, %v", updated, err)
	}
	if text := err.Error(); !strings.Contains(text, "carries epoch 5") || !strings.Contains(text, "has seen 7") {
		t.Errorf("the error is %q", text)
	}
}
