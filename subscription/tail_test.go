package subscription_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

func tailAt(p checkpoint.Position) func(context.Context) (checkpoint.Position, error) {
	return func(context.Context) (checkpoint.Position, error) { return p, nil }
}

// TestTrimmedLogIsRefused: the reader would begin at the first event that is left,
// and skip those that are gone without a word.
func TestTrimmedLogIsRefused(t *testing.T) {
	stream := func(ms, seq uint64) checkpoint.Position { return checkpoint.Position{Commit: ms, Prepare: seq} }
	for _, c := range []struct {
		checkpoint, tail checkpoint.Position
		trimmed          bool
	}{
		{at(1), at(401), true},
		{at(399), at(401), true},
		{at(400), at(401), false}, // the next is still there
		{at(401), at(401), false},
		{at(500), at(401), false},
		{at(0), at(401), true},
		{at(0), at(1), false},
		{at(0), at(0), false}, // nothing was removed
		{at(7), at(0), false},
		{at(0), checkpoint.Offset(0), false},
		{checkpoint.Offset(0), checkpoint.Offset(2), true},
		{stream(1700, 4), stream(1700, 6), true},
		{stream(1700, 5), stream(1700, 6), false},
		{stream(1699, math.MaxUint64-1), stream(1700, 0), true},
		{stream(1700, 0), stream(1700, 0), false},
		{stream(1699, 12), stream(1700, 0), true},
	} {
		bubble(t, func(b bench) {
			if err := b.store.Set(b.Context(), key, c.checkpoint); err != nil {
				b.Fatal(err)
			}
			err := b.openFails(subscription.Options{Tail: tailAt(c.tail)})
			if c.trimmed != errors.Is(err, subscription.ErrTrimmed) || !c.trimmed && err != nil {
				b.Errorf("with the checkpoint at %s and the first event at %s: %v", c.checkpoint, c.tail, err)
			}
			b.wantStored(c.checkpoint.Commit)
		})
	}
}

func TestTrimmedLogThatIsAccepted(t *testing.T) {
	for _, byHandler := range []bool{false, true} {
		bubble(t, func(b bench) {
			if err := b.store.Set(b.Context(), key, at(1), checkpoint.LogID("a")); err != nil {
				b.Fatal(err)
			}
			var text bytes.Buffer
			opts := subscription.Options{
				Tail: tailAt(at(401)), AcceptTrimmed: true, LogID: "a", StoredByHandler: byHandler,
				Logger: slog.New(slog.NewTextHandler(&text, nil)),
			}
			s := b.open(opts)
			if p, ok := s.Resume(); !ok || p != at(400) {
				b.Errorf("it resumes at %s, %v; want before the first event, 401", p, ok)
			}
			if line := text.String(); !strings.Contains(line, "level=WARN") || !strings.Contains(line, at(1).String()) || !strings.Contains(line, at(400).String()) {
				b.Errorf("the log does not warn of what is skipped: %s", line)
			}
			b.wantStored(400) // the next run must not have to accept it again
			s.Close(b.Context())
			opts.AcceptTrimmed = false
			b.open(opts)
		})
	}
}

// TestFirstRunOnATrimmedLog: the second one has missed nothing.
func TestFirstRunOnATrimmedLog(t *testing.T) {
	for _, tail := range []checkpoint.Position{at(0), checkpoint.Offset(0), at(401), {Commit: 1700, Prepare: 6}, {Commit: 1700}} {
		bubble(t, func(b bench) {
			b.open(subscription.Options{Missing: subscription.FromStart, Tail: tailAt(tail)})
			s := b.mustOpen(subscription.Options{Tail: tailAt(tail)})
			if p, _ := s.Resume(); tail != at(0) && p.Compare(tail) >= 0 {
				b.Errorf("it resumes at %s, and would skip the first event, at %s", p, tail)
			}
		})
	}
}

func TestTailThatCannotBeToldIsAnError(t *testing.T) {
	bubble(t, func(b bench) {
		unknown := func(context.Context) (checkpoint.Position, error) { return at(9), errEngine }
		if err := b.openFails(subscription.Options{Missing: subscription.FromStart, Tail: unknown}); !errors.Is(err, errEngine) {
			b.Errorf("a first run from a tail that cannot be told: %v", err)
		}
		if _, err := b.store.Get(b.Context(), key); !errors.Is(err, checkpoint.ErrNotFound) {
			b.Errorf("it has stored a checkpoint: %v", err)
		}
		if err := b.store.Set(b.Context(), key, at(5)); err != nil {
			b.Fatal(err)
		}
		if err := b.openFails(subscription.Options{Tail: unknown}); !errors.Is(err, errEngine) {
			b.Errorf("Open that cannot compare with the tail: %v", err)
		}
		if err := b.openFails(subscription.Options{AcceptTrimmed: true}); err == nil {
			b.Error("AcceptTrimmed without Tail is taken")
		}
	})
}
