package subscription_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
	"github.com/checkpointstore/checkpoint/tracker"
)

// A partition is a log whose first event is at offset 0. Its length is the number
// of its events.
type partition uint64

func (l *partition) head(context.Context) (checkpoint.Position, error) {
	return checkpoint.Offset(uint64(*l) - 1), nil
}

// after yields the offsets that come after what s resumes from.
func (l *partition) after(s *subscription.Subscription) log {
	return func(context.Context) iter.Seq2[uint64, error] {
		return func(yield func(uint64, error) bool) {
			next := uint64(0)
			if p, resumes := s.Resume(); resumes {
				n, _ := p.Offset()
				next = n + 1
			}
			for ; next < uint64(*l) && yield(next, nil); next++ {
			}
		}
	}
}

// handles runs s over l, and wants these offsets to be handled.
func (b bench) handles(l *partition, s *subscription.Subscription, want ...uint64) {
	b.Helper()
	var j journal
	h := handling(func(_ context.Context, n uint64) error {
		j.add(n)
		return nil
	})
	h.Position = checkpoint.Offset
	if err := errors.Join(subscription.Run(b.Context(), s, l.after(s), h), s.Close(b.Context())); err != nil {
		b.Error(err)
	}
	if !slices.Equal(j.done, want) {
		b.Errorf("handled %v, want %v", j.done, want)
	}
}

func (b bench) mustOpen(opts subscription.Options) *subscription.Subscription {
	b.Helper()
	s, err := subscription.Open(b.Context(), b.store, key, &opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// TestLogWhoseFirstEventIsAtZero: no event is skipped, wherever a first run begins,
// and after a rewind to the zero position.
func TestLogWhoseFirstEventIsAtZero(t *testing.T) {
	for _, missing := range []subscription.Missing{subscription.FromStart, subscription.FromHead} {
		bubble(t, func(b bench) {
			l := new(partition)
			first := subscription.Options{Missing: missing, Head: l.head}
			then := subscription.Options{Head: l.head} // as docs/consuming.md says: Refuse
			b.handles(l, b.mustOpen(first))
			*l = 2
			b.handles(l, b.mustOpen(then), 0, 1)
			b.handles(l, b.mustOpen(then))
			*l = 3
			b.handles(l, b.mustOpen(then), 2)

			for to, want := range map[string][]uint64{"0": {0, 1, 2}, "offset:0": {1, 2}} {
				p, err := checkpoint.ParsePosition(to)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := b.store.Rewind(b.Context(), key, p); err != nil {
					b.Fatal(err)
				}
				b.handles(l, b.mustOpen(then), want...)
			}
		})
	}
}

// TestFromStartIsStoredAtOnce: the second run, which refuses to begin anew, must
// find that there was a first one, though that saw no event and crashed.
func TestFromStartIsStoredAtOnce(t *testing.T) {
	bubble(t, func(b bench) {
		b.open(subscription.Options{Missing: subscription.FromStart, LogID: "a"})
		again := b.mustOpen(subscription.Options{LogID: "a"})
		if p, ok := again.Resume(); ok || p != at(0) {
			b.Errorf("the second run resumes at %s, %v; want the start of the log", p, ok)
		}
		if cp, err := b.store.Get(b.Context(), key); err != nil || cp.Position != at(0) || cp.LogID != "a" {
			b.Errorf("stored is %s of log %q, %v; want the zero position of a", cp.Position, cp.LogID, err)
		}
	})
}

func TestFromStartThatCannotBeStoredFails(t *testing.T) {
	bubble(t, func(b bench) {
		b.store = checkpoint.New(b.mem, &checkpoint.Options{Observers: []checkpoint.Observer{failsAfterGet{b.mem}}})
		if err := b.openFails(subscription.Options{Missing: subscription.FromStart}); !errors.Is(err, errEngine) {
			b.Errorf("Open: %v; want the store's error", err)
		}
	})
}

// failsAfterGet makes an engine fail once a checkpoint was read.
type failsAfterGet struct{ mem *memstore.Driver }

func (f failsAfterGet) CallEnd(_ context.Context, c checkpoint.Call, _ checkpoint.CallResult) {
	if c.Op == "get" {
		f.mem.Fail(errEngine)
	}
}

// TestEventAtTheZeroPosition: it cannot be told from none, so that a consumer must
// hear of it before it handles the event.
func TestEventAtTheZeroPosition(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		_, err := s.Track(b.Context(), at(0))
		if !errors.Is(err, tracker.ErrOrder) || !strings.Contains(err.Error(), "checkpoint.Offset") {
			b.Errorf("Track of an event at the zero position: %v; want ErrOrder and the remedy", err)
		}
		if err := s.Skip(at(0)); err != nil { // as a log may report where it begins
			b.Errorf("Skip of the zero position: %v", err)
		}
	})
}

// An event that is in work is stored by nobody, be it the first of all.
func TestUnfinishedFirstEvent(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushEvery: 1})
		b.track(s, 1)
		b.track(s, 2).Done()
		time.Sleep(time.Minute)
		synctest.Wait()
		s.Close(b.Context())
		if cp, err := b.store.Get(b.Context(), key); err != nil || cp.Position != at(0) {
			b.Errorf("stored is %s, %v, though the first event is not done", cp.Position, err)
		}
	})
}
