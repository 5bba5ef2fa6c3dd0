package subscription_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/subscription"
)

// deafReader yields 1 to 5, and more only when free is closed, whatever its context
// says. It gives up after an hour, so that a Run that waits for it fails its test.
func deafReader(free <-chan struct{}, takes *[]bool) log {
	return func(context.Context) iter.Seq2[uint64, error] {
		return func(yield func(uint64, error) bool) {
			for n := uint64(1); n <= 5; n++ {
				yield(n, nil)
			}
			select {
			case <-free:
			case <-time.After(time.Hour):
			}
			*takes = append(*takes, yield(6, nil))
		}
	}
}

// TestDeafReaderKeepsNoRunFromReturning, whatever ends the run. What the reader yields
// afterwards is neither handled nor acknowledged.
func TestDeafReaderKeepsNoRunFromReturning(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(b bench, cancel context.CancelFunc)
		want error
	}{
		"after a signal":       {func(_ bench, cancel context.CancelFunc) { cancel() }, nil},
		"after a lost lease":   {func(b bench, _ context.CancelFunc) { b.rewind() }, subscription.ErrLeaseLost},
		"after a failed store": {func(b bench, _ context.CancelFunc) { b.mem.Fail(errEngine) }, errEngine},
	} {
		for _, ignored := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				bubble(t, func(b bench) {
					opts := leased("a", false)
					opts.DrainTimeout = 10 * time.Second
					s := b.open(opts)
					ctx, cancel := context.WithCancel(b.Context())
					defer cancel()
					time.AfterFunc(time.Minute, func() { c.end(b, cancel) })
					var j journal
					h := handling(func(_ context.Context, n uint64) error {
						j.add(n)
						return nil
					})
					h.Ignore = func(n uint64) bool { return ignored && n == 6 }
					free, took := make(chan struct{}), []bool(nil)
					start := time.Now()
					err := subscription.Run(ctx, s, deafReader(free, &took), h)
					if late := time.Since(start) - time.Minute - opts.DrainTimeout; late < 0 || late > leaseTTL {
						b.Errorf("Run returned %v after DrainTimeout", late)
					}
					if !errors.Is(err, subscription.ErrDrainTimeout) || c.want != nil && !errors.Is(err, c.want) {
						b.Errorf("Run: %v; want ErrDrainTimeout, and %v", err, c.want)
					} else if !strings.Contains(err.Error(), "the reader has not returned") || strings.Contains(err.Error(), "handler of") {
						b.Errorf("Run: %v; want that the reader, and it alone, has not returned", err)
					}
					b.mem.Fail(nil)
					s.Close(b.Context())
					before := b.stored()
					close(free)
					synctest.Wait()
					if want := []uint64{1, 2, 3, 4, 5}; !slices.Equal(j.done, want) || b.stored() != before {
						b.Errorf("handled %v, stored %d; want %v and %d", j.done, b.stored(), want, before)
					}
					if !slices.Equal(took, []bool{false}) {
						b.Errorf("Run has taken what came late: %v", took)
					}
				})
			})
		}
	}
}

// TestDeafReaderCostsItsOwnGoroutineOnly, for as long as it does not return.
func TestDeafReaderCostsItsOwnGoroutineOnly(t *testing.T) {
	bubble(t, func(b bench) {
		before := leaktest.InBubble()
		s := b.open(leased("a", false))
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		free, took := make(chan struct{}), []bool(nil)
		h := handling(func(context.Context, uint64) error { return nil })
		h.Workers = 4
		if err := subscription.Run(ctx, s, deafReader(free, &took), h); !errors.Is(err, subscription.ErrDrainTimeout) {
			b.Errorf("Run: %v; want ErrDrainTimeout", err)
		}
		if err := s.Close(b.Context()); err != nil {
			b.Errorf("Close: %v, which Run has said", err)
		}
		b.wantStored(5)
		b.wantReleased()
		synctest.Wait()
		if n := leaktest.InBubble() - before; n != 1 {
			b.Errorf("%d goroutines are left, want the reader's alone", n)
		}
		close(free)
	})
}

// TestOrderingKeyThatTakesLong: the reader hands over its event when nobody takes
// events any more.
func TestOrderingKeyThatTakesLong(t *testing.T) {
	for takes, want := range map[time.Duration]error{5 * time.Second: nil, time.Hour: subscription.ErrDrainTimeout} {
		bubble(t, func(b bench) {
			s := b.open(subscription.Options{DrainTimeout: 10 * time.Second})
			ctx, cancel := context.WithTimeout(b.Context(), time.Second)
			defer cancel()
			h := handling(func(context.Context, uint64) error { return nil })
			h.OrderingKey = func(n uint64) string {
				if n == 6 {
					time.Sleep(takes)
				}
				return "one"
			}
			start := time.Now()
			err := subscription.Run(ctx, s, events(9), h)
			if took := time.Since(start); took > 11*time.Second || !errors.Is(err, want) {
				b.Errorf("Run: %v after %v; want %v", err, took, want)
			}
			time.Sleep(time.Hour)
			s.Close(b.Context())
			b.wantStored(5)
		})
	}
}

// TestDeafReaderAndDeafHandler are both named.
func TestDeafReaderAndDeafHandler(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{DrainTimeout: 10 * time.Second})
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		free, took := make(chan struct{}), []bool(nil)
		err := subscription.Run(ctx, s, deafReader(free, &took), deaf(free))
		for _, want := range []string{"the handler of the event at " + at(1).String(), "the reader has not returned"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				b.Errorf("Run: %v; want %q", err, want)
			}
		}
		s.Close(b.Context())
		close(free)
	})
}

// TestReaderThatEndsItsGoroutine, for instance by FailNow in a test, ends the goroutine
// that called Run, which would otherwise return as if the log had ended.
func TestReaderThatEndsItsGoroutine(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		ended, returned := make(chan struct{}), false
		go func() {
			defer close(ended)
			exits := func(context.Context) iter.Seq2[uint64, error] {
				return func(func(uint64, error) bool) { runtime.Goexit() }
			}
			_ = subscription.Run(b.Context(), s, exits, handling(func(context.Context, uint64) error { return nil }))
			returned = true
		}()
		<-ended
		if returned {
			b.Error("Run has returned")
		}
	})
}

// TestReaderThatPanicsLate: nobody but the process can pass on the panic.
func TestReaderThatPanicsLate(t *testing.T) {
	if os.Getenv("PANIC_LATE") == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		again.Env = append(os.Environ(), "PANIC_LATE=yes")
		if out, err := again.CombinedOutput(); err == nil || !strings.Contains(string(out), "panic: "+errReader.Error()) {
			t.Errorf("the process ended with %v, want the panic:\n%s", err, out)
		}
		return
	}
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		late := func(context.Context) iter.Seq2[uint64, error] {
			return func(func(uint64, error) bool) {
				time.Sleep(time.Hour)
				panic(errReader)
			}
		}
		h := handling(func(context.Context, uint64) error { return nil })
		if err := subscription.Run(ctx, s, late, h); !errors.Is(err, subscription.ErrDrainTimeout) {
			b.Errorf("Run: %v; want ErrDrainTimeout", err)
		}
		time.Sleep(time.Hour)
	})
}
