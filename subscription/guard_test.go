package subscription_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

func headAt(n uint64) func(context.Context) (checkpoint.Position, error) {
	return func(context.Context) (checkpoint.Position, error) { return at(n), nil }
}

func (b bench) openFails(opts subscription.Options) error {
	b.Helper()
	s, err := subscription.Open(b.Context(), b.store, key, &opts)
	if err == nil {
		s.Close(context.Background())
	}
	return err
}

func TestCheckpointOfAnotherLogIsRefused(t *testing.T) {
	bubble(t, func(b bench) {
		first := b.open(subscription.Options{LogID: "a", FlushEvery: 1})
		b.track(first, 1).Done()
		b.wantStored(1)
		first.Close(b.Context())

		opts := leased("standby", false)
		opts.LogID = "b"
		err := b.openFails(opts)
		if !errors.Is(err, subscription.ErrOtherLog) || !strings.Contains(err.Error(), `"a"`) || !strings.Contains(err.Error(), `"b"`) {
			b.Errorf("Open on another log: %v; want ErrOtherLog and both names", err)
		}
		b.wantStored(1)
		b.open(subscription.Options{LogID: "a"}).Close(b.Context())
		b.open(subscription.Options{}).Close(b.Context()) // whoever does not ask is not told

		if _, err := b.store.Rewind(b.Context(), key, at(0), checkpoint.LogID("b")); err != nil {
			b.Fatal(err)
		}
		opts.Lease = nil
		b.open(opts).Close(b.Context())
	})
}

// A checkpoint from before there were names of logs gets one, also where nothing
// happens in the log.
func TestCheckpointWithoutALogIsAdopted(t *testing.T) {
	bubble(t, func(b bench) {
		if err := b.store.Set(b.Context(), key, at(1)); err != nil {
			b.Fatal(err)
		}
		b.open(subscription.Options{LogID: "a", FlushAfter: time.Hour})
		b.wantStored(1)
		if cp, err := b.store.Get(b.Context(), key); err != nil || cp.LogID != "a" {
			b.Errorf("the checkpoint is of log %q, %v; want a", cp.LogID, err)
		}
	})
}

func TestCheckpointBeyondTheHeadIsRefused(t *testing.T) {
	bubble(t, func(b bench) {
		if err := b.store.Set(b.Context(), key, at(5)); err != nil {
			b.Fatal(err)
		}
		for head, refused := range map[uint64]bool{0: true, 4: true, 5: false, 6: false} {
			err := b.openFails(subscription.Options{Head: headAt(head)})
			if refused != errors.Is(err, subscription.ErrBeyondHead) || !refused && err != nil {
				b.Errorf("with the checkpoint at 5 and the head at %d: %v", head, err)
			}
		}
		b.wantStored(5)
	})
}

func TestHeadThatCannotBeToldIsAnError(t *testing.T) {
	bubble(t, func(b bench) {
		unknown := func(context.Context) (checkpoint.Position, error) { return at(9), errEngine }
		if err := b.openFails(subscription.Options{Missing: subscription.FromHead, Head: unknown}); !errors.Is(err, errEngine) {
			b.Errorf("Open from a head that cannot be told: %v", err)
		}
		b.wantStored(0)
		if err := b.store.Set(b.Context(), key, at(5)); err != nil {
			b.Fatal(err)
		}
		if err := b.openFails(subscription.Options{Head: unknown}); !errors.Is(err, errEngine) {
			b.Errorf("Open that cannot compare with the head: %v", err)
		}
	})
}

// TestFromHeadIsStoredAtOnce: a crash before the first flush must not begin at a
// later head.
func TestFromHeadIsStoredAtOnce(t *testing.T) {
	for _, head := range []uint64{7, 0} {
		bubble(t, func(b bench) {
			opts := leased("a", false)
			opts.Missing, opts.Head = subscription.FromHead, headAt(head)
			s := b.open(opts)
			if p, ok := s.Resume(); ok != (head > 0) || p != at(head) {
				b.Errorf("it resumes at %s, %v; want the head, %d", p, ok, head)
			}
			opts.Head = headAt(20)
			again := b.open(opts) // nothing was flushed, nor closed
			if p, ok := again.Resume(); ok != (head > 0) || p != at(head) {
				b.Errorf("after a crash it resumes at %s, %v; want where it first began, %d", p, ok, head)
			}
		})
	}
}

func TestFromHeadThatCannotBeStoredFails(t *testing.T) {
	bubble(t, func(b bench) {
		head := func(context.Context) (checkpoint.Position, error) {
			b.mem.Fail(errEngine)
			return at(7), nil
		}
		if err := b.openFails(subscription.Options{Missing: subscription.FromHead, Head: head}); !errors.Is(err, errEngine) {
			b.Errorf("Open: %v; want the store's error", err)
		}
	})
}

func TestLag(t *testing.T) {
	bubble(t, func(b bench) {
		head := at(5)
		s := b.open(subscription.Options{
			FlushEvery: 1, Head: func(context.Context) (checkpoint.Position, error) { return head, nil },
		})
		wantLag := func(want uint64) {
			b.Helper()
			if lag, err := s.Lag(b.Context()); err != nil || lag != want {
				b.Errorf("the lag is %d, %v; want %d", lag, err, want)
			}
		}
		wantLag(5)
		b.track(s, 3).Done()
		b.wantStored(3)
		wantLag(2)
		head = at(1 << 63)
		wantLag(1<<63 - 3)
		head = at(2) // of a replica that is behind
		wantLag(0)
		if _, err := b.open(subscription.Options{}).Lag(b.Context()); err == nil {
			b.Error("Lag without Head has no error")
		}
	})
}
