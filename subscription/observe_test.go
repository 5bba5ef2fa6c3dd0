package subscription_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// An audience counts the flushes that a store's observer hears of.
type audience struct {
	mu             sync.Mutex
	stored, failed int
}

func (a *audience) CallEnd(_ context.Context, call checkpoint.Call, r checkpoint.CallResult) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case call.Op != "setIfNewer" || call.Key != key:
	case errors.Is(r.Err, errEngine):
		a.failed++
	case r.Err == nil:
		a.stored++
	}
}

// TestFailedFlushesAreHeardOf: in the log, by the store's observer, and in Stats.
func TestFailedFlushesAreHeardOf(t *testing.T) {
	bubble(t, func(b bench) {
		var text bytes.Buffer
		var heard audience
		b.store = checkpoint.New(b.mem, &checkpoint.Options{Observers: []checkpoint.Observer{&heard}})
		s := b.open(subscription.Options{
			FlushAfter: time.Second, ReportEvery: -1, Logger: slog.New(slog.NewTextHandler(&text, nil)),
		})
		b.track(s, 1).Done()
		b.mem.Fail(errEngine)
		time.Sleep(10 * time.Second)
		b.mem.Fail(nil)
		time.Sleep(10 * time.Second)
		stats := s.Stats()
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		if stats.FlushFailures < 2 || stats.Flushes != 2 || heard.failed != stats.FlushFailures || heard.stored != 2 {
			b.Errorf("Stats tell of %d failures and %d flushes, the observer of %d and %d; want some failures, and one flush beside that of Open",
				stats.FlushFailures, stats.Flushes, heard.failed, heard.stored)
		}
		if lines := strings.Count(text.String(), errEngine.Error()); lines != stats.FlushFailures {
			b.Errorf("the log tells of %d failures, want %d:\n%s", lines, stats.FlushFailures, text.String())
		}
		if !strings.Contains(text.String(), "key="+key) {
			b.Errorf("the log does not name the key:\n%s", text.String())
		}
	})
}

// TestStandbyThatWaitsIsQuiet: it asks for the lease many times a second, for as
// long as the other instance is at work.
func TestStandbyThatWaitsIsQuiet(t *testing.T) {
	bubble(t, func(b bench) {
		b.open(leased("a", false))
		var text bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&text, nil))
		b.store = checkpoint.New(b.mem, &checkpoint.Options{Logger: logger})
		ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
		defer cancel()
		opts := leased("b", true)
		opts.Logger = logger
		if _, err := subscription.Open(ctx, b.store, key, &opts); !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("Open: %v; want the end of its context", err)
		}
		if lines := strings.Count(text.String(), "\n"); lines > 2 {
			b.Errorf("in an hour it logs %d records, the first of them:\n%.600s", lines, text.String())
		}
	})
}

// stuck is a log that takes no warning until it is free.
type stuck struct {
	slog.Handler
	free chan struct{}
}

func (h stuck) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (h stuck) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h stuck) Handle(context.Context, slog.Record) error {
	<-h.free
	return nil
}

// openStuck opens a subscription with a lease, whose log, and its store's, are stuck
// until free.
func (b bench) openStuck() (s *subscription.Subscription, free func()) {
	b.Helper()
	stays := make(chan struct{})
	opts := leased("a", false)
	opts.Logger = slog.New(stuck{slog.DiscardHandler, stays})
	b.store = checkpoint.New(b.mem, &checkpoint.Options{Logger: opts.Logger})
	return b.open(opts), func() { close(stays) }
}

// TestLogThatIsStuckKeepsNobodyAtWork: another instance may be at work already.
func TestLogThatIsStuckKeepsNobodyAtWork(t *testing.T) {
	for name, breaks := range map[string]func(b bench){
		"after a rewind":           func(b bench) { b.rewind() },
		"while the engine is away": func(b bench) { b.mem.Fail(errEngine) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				s, free := b.openStuck()
				breaks(b)
				time.Sleep(leaseTTL)
				synctest.Wait()
				if err := s.Err(); !errors.Is(err, subscription.ErrLeaseLost) {
					b.Errorf("after the lease has ended it says %v, want ErrLeaseLost", err)
				}
				free()
			})
		})
	}
}

func (b bench) rewind() {
	b.Helper()
	if _, err := checkpoint.New(b.mem, nil).Rewind(b.Context(), key, at(0)); err != nil {
		b.Fatal(err)
	}
}
