package keeper_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint/internal/clock"
	"github.com/checkpointstore/checkpoint/keeper"
)

// suspend lets the wall clock go on by d while timers stand still. Nobody is at work then:
// a renewal of the same instant could have begun before.
func (b bench) suspend(d time.Duration) {
	synctest.Wait()
	clock.Suspend(d)
	b.Cleanup(func() { clock.Suspend(-d) })
}

// TestSuspendThatOutlastsTheLeaseEndsIt, also while a call hangs.
func TestSuspendThatOutlastsTheLeaseEndsIt(t *testing.T) {
	for name, hold := range map[string]func(context.Context, int) error{
		"while the store answers": nil,
		"while a call hangs":      func(context.Context, int) error { time.Sleep(10 * ttl); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				b.engine.hold = hold
				l := b.keep("a", ttl)
				other := b.keep("b", 100*ttl)
				time.Sleep(ttl/3 + time.Second)
				b.suspend(ttl)
				resumed := time.Now()
				select {
				case <-l.Context().Done():
				case <-time.After(ttl / 4): // or it is renewed
				}
				if took := time.Since(resumed); took > ttl/20 {
					b.Errorf("it ended %v after the machine went on, want %v at the latest", took, ttl/20)
				}
				err := context.Cause(l.Context())
				if !errors.Is(err, keeper.ErrLost) || !strings.Contains(err.Error(), "suspended") {
					b.Errorf("it ended with %v; want ErrLost, and that the machine was suspended", err)
				}
				if hold == nil {
					time.Sleep(time.Hour)
					b.wantKept(other)
				}
			})
		})
	}
}

// TestHeldSeesASuspendAtOnce, before any timer does.
func TestHeldSeesASuspendAtOnce(t *testing.T) {
	bubble(t, func(b bench) {
		l := b.keep("a", ttl)
		if !l.Held(time.Now()) {
			b.Error("a lease that was just granted is not held")
		}
		b.suspend(ttl)
		if l.Held(time.Now()) || l.Context().Err() == nil {
			b.Error("a lease that ended during a suspend is held")
		}
		removed := b.keep("b", ttl)
		if err := removed.Remove(b.Context()); err != nil || removed.Held(time.Now()) {
			b.Errorf("a lease that was removed is held; Remove: %v", err)
		}
	})
}

// TestHeldSeesTheEndAlthoughTheClockWasSetBack, before any timer does: the process may have
// stood still.
func TestHeldSeesTheEndAlthoughTheClockWasSetBack(t *testing.T) {
	bubble(t, func(b bench) {
		l := b.keep("a", ttl)
		b.suspend(-time.Hour)
		now := time.Now().Add(ttl)
		if left := l.Left(now); left != 0 {
			b.Errorf("a lease that has ended lasts %v", left)
		}
		if l.Held(now) || l.Context().Err() == nil {
			b.Error("a lease that has ended is held")
		}
	})
}

// TestLeaseThatSurvivesASuspendIsRenewedAtOnce: little of it is left.
func TestLeaseThatSurvivesASuspendIsRenewedAtOnce(t *testing.T) {
	bubble(t, func(b bench) {
		l := b.keep("a", ttl)
		time.Sleep(time.Hour)
		for range 100 {
			time.Sleep(ttl)
			b.suspend(ttl / 2) // after at most a third
			before := len(b.engine.made())
			time.Sleep(ttl / 20)
			synctest.Wait()
			if len(b.engine.made()) == before {
				b.Fatal("it is not renewed")
			}
		}
		b.wantKept(l)
	})
}

// TestClockThatIsSetBack makes no holder believe longer.
func TestClockThatIsSetBack(t *testing.T) {
	bubble(t, func(b bench) {
		l := b.keep("a", ttl)
		b.suspend(-time.Hour)
		time.Sleep(time.Hour)
		b.wantKept(l)
		b.engine.Fail(errEngine)
		b.wantLost(l, time.Now(), errEngine)
	})
}

// TestFailedRenewalAfterASuspendWaits as after any failure: the store may have just come back.
func TestFailedRenewalAfterASuspendWaits(t *testing.T) {
	bubble(t, func(b bench) {
		b.engine.hold = func(context.Context, int) error {
			time.Sleep(time.Millisecond) // fake time goes on
			return errEngine
		}
		b.keep("a", ttl)
		time.Sleep(ttl / 10)
		b.suspend(ttl / 2)
		before := len(b.engine.made())
		time.Sleep(ttl / 5)
		if n := len(b.engine.made()) - before; n < 1 || n > 6 { // one at once, then one each twentieth
			b.Errorf("a fifth of a TTL after the suspend there were %d renewals, want 1 to 6", n)
		}
	})
}
