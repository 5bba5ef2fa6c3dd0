package subscription_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// TestWhatEndsTheSubscriptionAtOnce is what trying again cannot mend. With no
// time to pass, the next renewal is not what finds out.
func TestWhatEndsTheSubscriptionAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(b bench) error
		want    error
	}{
		"a rewind": {func(b bench) error {
			_, err := b.store.Rewind(b.Context(), key, at(0))
			return err
		}, checkpoint.ErrFenced},
		"another that takes over": {func(b bench) error {
			_, err := b.store.Acquire(b.Context(), key, "a", leaseTTL)
			return err
		}, checkpoint.ErrFenced},
		"a newer position": {func(b bench) error {
			return b.store.Set(b.Context(), key, at(100))
		}, subscription.ErrOvertaken},
		"damage": {func(b bench) error {
			b.mem.Damage(key)
			return nil
		}, checkpoint.ErrCorrupt},
		"a store that is closed": {func(b bench) error { return b.store.Close() }, checkpoint.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				s := b.open(leased("a", false))
				if err := c.happens(b); err != nil {
					b.Fatal(err)
				}
				b.track(s, 50).Done()
				synctest.Wait()
				if err := s.Err(); !errors.Is(err, c.want) {
					b.Errorf("the subscription says %v, want %v", err, c.want)
				}
				s.Close(b.Context())
				records, err := b.mem.Get(b.Context(), []string{key})
				if err == nil && records[0].Err == nil && records[0].Position.Commit == 50 {
					b.Errorf("it has written all the same: %v", records)
				}
			})
		})
	}
}

func TestRewindIsFoundByTheNextRenewal(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(leased("a", false))
		if _, err := b.store.Rewind(b.Context(), key, at(0)); err != nil {
			b.Fatal(err)
		}
		time.Sleep(leaseTTL / 3)
		synctest.Wait()
		if err := s.Err(); !errors.Is(err, subscription.ErrLeaseLost) {
			b.Errorf("after a rewind the subscription says %v, want ErrLeaseLost", err)
		}
	})
}

func TestRenewalThatHangsEndsInTime(t *testing.T) {
	take := func(method string) time.Duration {
		if method == "renew" {
			return forEver
		}
		return 0
	}
	slowly(t, take, func(b bench) {
		opened := time.Now()
		s := b.open(leased("a", false))
		<-s.Context().Done()
		if lasted := time.Since(opened); lasted > leaseTTL {
			b.Errorf("while its renewal hangs it went on for %v, longer than its lease", lasted)
		}
	})
}

func TestLeaseIsRenewedThreeTimes(t *testing.T) {
	var renewals atomic.Int64
	take := func(method string) time.Duration {
		if method == "renew" {
			renewals.Add(1)
		}
		return 0
	}
	slowly(t, take, func(b bench) {
		b.open(leased("a", false))
		time.Sleep(100*leaseTTL + time.Second)
		if n := renewals.Load(); n != 300 {
			b.Errorf("in the time of 100 leases there were %d renewals, want 3 for each", n)
		}
	})
}

func TestLostLeaseSaysTheLastReason(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(leased("a", false))
		earlier := errors.New("an outage that is over")
		b.mem.Fail(earlier)
		time.Sleep(leaseTTL / 2)
		b.mem.Fail(nil)
		time.Sleep(time.Hour)
		b.mem.Fail(errEngine)
		<-s.Context().Done()
		if err := s.Err(); !errors.Is(err, errEngine) || errors.Is(err, earlier) {
			b.Errorf("it says %v, want the reason of the last outage", err)
		}
	})
}

func TestCloseDoesNotWaitForTheNextAttempt(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		b.track(s, 1).Done()
		b.mem.Fail(errEngine)
		time.Sleep(20 * time.Second)
		b.mem.Fail(nil)
		start := time.Now()
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		if took := time.Since(start); took != 0 {
			b.Errorf("Close waited for %v, though it could store at once", took)
		}
		b.wantStored(1)
	})
}

func TestCloseTriesAgain(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushAfter: time.Hour})
		b.track(s, 1).Done()
		b.mem.Fail(errEngine)
		time.AfterFunc(5*time.Second, func() { b.mem.Fail(nil) })
		if err := s.Close(b.Context()); err != nil {
			b.Errorf("Close: %v, though the store came back", err)
		}
		b.wantStored(1)
	})
}
