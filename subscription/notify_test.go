package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// longLease is one whose standby asks every 72 seconds.
func longLease(owner string, wait bool) subscription.Options {
	opts := leased(owner, wait)
	opts.Lease.TTL = time.Hour
	return opts
}

// TestStandbyIsWoken: whatever ends the lease, a standby does not wait for its turn.
func TestStandbyIsWoken(t *testing.T) {
	for name, end := range map[string]func(b bench, first *subscription.Subscription) error{
		"Close":  func(b bench, first *subscription.Subscription) error { return first.Close(b.Context()) },
		"Revoke": func(b bench, _ *subscription.Subscription) error { return second(b.store.Revoke(b.Context(), key)) },
		"Rewind": func(b bench, _ *subscription.Subscription) error {
			return second(b.store.Rewind(b.Context(), key, at(1)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				first := b.open(longLease("a", false))
				opened := b.standby(longLease("b", true))
				time.Sleep(time.Minute)
				ended := time.Now()
				if err := end(b, first); err != nil {
					b.Fatal(err)
				}
				s := <-opened
				defer s.Close(context.Background())
				if waited := time.Since(ended); waited > 0 {
					b.Errorf("the standby took over after %v, want at once", waited)
				}
			})
		})
	}
}

func TestOneStandbyOfManyWins(t *testing.T) {
	bubble(t, func(b bench) {
		const n = 30
		first := b.open(longLease("a", false))
		opened := make(chan *subscription.Subscription, n)
		ctx, cancel := context.WithCancel(b.Context())
		for i := range n {
			go func() {
				opts := longLease(fmt.Sprint("standby ", i), true)
				s, err := subscription.Open(ctx, b.store, key, &opts)
				if err != nil && ctx.Err() == nil {
					b.Errorf("a standby: %v", err)
				}
				opened <- s
			}()
		}
		time.Sleep(time.Minute)
		ended := time.Now()
		first.Close(b.Context())
		s := <-opened
		if waited := time.Since(ended); waited > 0 {
			b.Errorf("a standby took over after %v, want at once", waited)
		}
		time.Sleep(time.Minute)
		if len(opened) > 0 {
			b.Error("a second standby is at work, too")
		}
		cancel()
		synctest.Wait()
		s.Close(context.Background())
	})
}

// A bell is a store that wakes its waiters in a way of its own.
type bell struct {
	*memstore.Driver
	ends func(ctx context.Context) (<-chan struct{}, error)
}

func (d bell) LeaseEnds(ctx context.Context, _ []string) (<-chan struct{}, error) { return d.ends(ctx) }

// mute is a store without a Notifier.
type mute struct {
	driver.Driver
	driver.Leaser
}

// TestStandbyAsksInItsTurnsToo: a wake-up is a hint. Without it, or with one that lies,
// a standby takes over as soon as by its own turns, and asks no more often than it may.
func TestStandbyAsksInItsTurnsToo(t *testing.T) {
	always := make(chan struct{})
	close(always)
	ring := func(context.Context) (<-chan struct{}, error) {
		c := make(chan struct{}, 1)
		c <- struct{}{}
		close(c)
		return c, nil
	}
	for name, wrap := range map[string]func(*memstore.Driver) driver.Driver{
		"the engine cannot": func(m *memstore.Driver) driver.Driver { return mute{m, m} },
		"never wakes": func(m *memstore.Driver) driver.Driver {
			return bell{m, func(context.Context) (<-chan struct{}, error) { return make(chan struct{}), nil }}
		},
		"gives no channel": func(m *memstore.Driver) driver.Driver {
			return bell{m, func(context.Context) (<-chan struct{}, error) { return nil, nil }}
		},
		"fails": func(m *memstore.Driver) driver.Driver {
			return bell{m, func(context.Context) (<-chan struct{}, error) { return nil, errEngine }}
		},
		"gives up at once": func(m *memstore.Driver) driver.Driver {
			return bell{m, func(context.Context) (<-chan struct{}, error) { return always, nil }}
		},
		"wakes and gives up": func(m *memstore.Driver) driver.Driver { return bell{m, ring} },
		"wakes for ever": func(m *memstore.Driver) driver.Driver {
			return bell{m, func(ctx context.Context) (<-chan struct{}, error) {
				c := make(chan struct{})
				go func() {
					for ctx.Err() == nil {
						select {
						case c <- struct{}{}:
						case <-ctx.Done():
						}
					}
				}()
				return c, nil
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				first := b.open(longLease("a", false))
				var asked counting
				b.store = checkpoint.New(wrap(b.mem), &checkpoint.Options{Observers: []checkpoint.Observer{&asked}})
				opened := b.standby(longLease("b", true))
				time.Sleep(time.Minute)
				if n, most := asked.Load(), int64(time.Minute/(50*time.Millisecond))+1; n > most {
					b.Errorf("the standby asked %d times in a minute, want %d at most", n, most)
				}
				ended := time.Now()
				first.Close(b.Context())
				s := <-opened
				defer s.Close(context.Background())
				if waited := time.Since(ended); waited > time.Hour/50 {
					b.Errorf("the standby took over after %v, want a fiftieth of the TTL at most", waited)
				}
			})
		})
	}
}

// TestStandbyKeepsNoWaiter: the store forgets a standby that has the lease, or gave up.
func TestStandbyKeepsNoWaiter(t *testing.T) {
	bubble(t, func(b bench) {
		b.open(longLease("a", false))
		var waiting atomic.Int64
		b.store = checkpoint.New(bell{b.mem, func(ctx context.Context) (<-chan struct{}, error) {
			waiting.Add(1)
			context.AfterFunc(ctx, func() { waiting.Add(-1) })
			return b.mem.LeaseEnds(ctx, []string{key})
		}}, nil)
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		opts := longLease("b", true)
		if _, err := subscription.Open(ctx, b.store, key, &opts); !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("Open: %v, want the end of its context", err)
		}
		opened := b.standby(opts)
		if _, err := b.store.Revoke(b.Context(), key); err != nil {
			b.Fatal(err)
		}
		s := <-opened
		defer s.Close(context.Background())
		if synctest.Wait(); waiting.Load() != 0 {
			b.Errorf("the store keeps %d waiters", waiting.Load())
		}
	})
}

func second[T any](_ T, err error) error { return err }
