package failover

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// An event of the log is its number, from 1 on.
type event = uint64

func position(e event) checkpoint.Position { return checkpoint.Position{Commit: e, Prepare: e} }

// A tenure is one subscription of an instance.
type tenure struct {
	epoch   uint64
	resumed event
	stored  event // the last that the store acknowledged
}

// A consumer is two instances that compete for a lease, and what they have done.
type consumer struct {
	t   *testing.T
	key string
	top topology
	// waits says that checkpoints and leases are those of all replicas.
	waits bool

	stopped context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	last    atomic.Uint64 // the log's last event

	mu      sync.Mutex
	handled map[event]bool // beyond all
	all     event          // it and all before it have been handled
	highest event
	again   int // events that were handled once more
	tenures []tenure
	crashes []context.CancelFunc
}

const endless = 1 << 40

func startConsumer(t *testing.T, key string, top topology, waits bool) *consumer {
	t.Helper()
	c := &consumer{t: t, key: key, top: top, waits: waits, handled: make(map[event]bool)}
	c.last.Store(endless)
	c.stopped, c.stop = context.WithCancel(t.Context())
	t.Cleanup(func() {
		c.stop()
		c.running.Wait()
	})
	for i := range 2 {
		store := top.store(waits)
		c.running.Go(func() { c.instance(store, key+strconv.Itoa(i)) })
	}
	return c
}

// instance opens its subscription again whenever that has ended.
func (c *consumer) instance(store *checkpoint.Store, owner string) {
	for c.stopped.Err() == nil {
		s, err := subscription.Open(c.stopped, store, c.key, &subscription.Options{
			Missing:    subscription.FromStart,
			FlushEvery: 100, FlushAfter: 20 * time.Millisecond, FlushTimeout: 5 * time.Second,
			Lease: &subscription.Lease{Owner: owner, TTL: 1500 * time.Millisecond, Wait: true},
		})
		if err != nil {
			pause(c.stopped, 50*time.Millisecond)
			continue
		}
		resumed := c.resumes(s)
		crashed := c.crashable()
		_ = subscription.Run(crashed, s, func(ctx context.Context) iter.Seq2[event, error] { return c.read(ctx, resumed) },
			subscription.Handler[event]{
				Position:    position,
				Handle:      func(_ context.Context, e event) error { c.handle(e); return nil },
				OrderingKey: func(e event) string { return strconv.Itoa(int(e % 7)) },
				Workers:     3,
			})
		// One that crashed stores nothing more, and does not release its lease.
		ctx := crashed
		if c.stopped.Err() != nil || ctx.Err() == nil {
			ctx = context.WithoutCancel(ctx)
		}
		_ = s.Close(ctx)
		ended := tenure{s.Epoch(), resumed, resumed}
		if stats := s.Stats(); stats.Flushes > 0 {
			ended.stored = stats.Stored.Commit
		}
		c.mu.Lock()
		c.tenures = append(c.tenures, ended)
		c.mu.Unlock()
	}
}

// crashable ends with crash.
func (c *consumer) crashable() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithCancel(c.stopped)
	c.crashes = append(c.crashes, cancel)
	return ctx
}

// crash ends the subscriptions of both instances, as a crash does.
func (c *consumer) crash() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cancel := range c.crashes {
		cancel()
	}
	c.crashes = nil
}

// resumes is after which event a subscription resumes. Everything up to there
// must have been handled.
func (c *consumer) resumes(s *subscription.Subscription) event {
	p, _ := s.Resume()
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.Commit > c.all {
		c.t.Errorf("%s resumes after event %d, but %d has not been handled", c.key, p.Commit, c.all+1)
	}
	return p.Commit
}

func (c *consumer) read(ctx context.Context, e event) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		for ; ; pause(ctx, time.Millisecond) {
			if ctx.Err() != nil {
				return
			}
			if e >= c.last.Load() {
				continue
			}
			e++
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (c *consumer) handle(e event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.highest = max(c.highest, e)
	if e <= c.all || c.handled[e] {
		c.again++
		return
	}
	c.handled[e] = true
	for c.handled[c.all+1] {
		c.all++
		delete(c.handled, c.all)
	}
}

// progress is how many events have been handled, with those handled again.
func (c *consumer) progress() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.all) + c.again
}

// holds checks what is stored against what has been handled.
func (c *consumer) holds(store *checkpoint.Store) event {
	c.t.Helper()
	cp, err := store.Get(c.t.Context(), c.key)
	if err != nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if cp.Position.Commit > c.all {
		c.t.Errorf("%s is stored at event %d, but %d has not been handled", c.key, cp.Position.Commit, c.all+1)
	}
	return cp.Position.Commit
}

// end ends the log, and waits until the consumer has stored that it is through.
func (c *consumer) end(store *checkpoint.Store) {
	c.t.Helper()
	c.mu.Lock()
	last := c.highest + 100
	c.mu.Unlock()
	c.last.Store(last)
	until(c.t, "the consumer is through", func() bool { return c.holds(store) >= last })
	c.stop()
	c.running.Wait()
	if c.all < last {
		c.t.Errorf("%s is through, but event %d was never handled", c.key, c.all+1)
	}
	c.judge(last)
}

// judge looks at all tenures: where all replicas had what was acknowledged, none
// resumes before what an earlier one had stored, and no epoch is granted twice.
func (c *consumer) judge(last event) {
	c.t.Helper()
	slices.SortFunc(c.tenures, func(a, b tenure) int {
		return cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.resumed, b.resumed))
	})
	fellBack, twice := 0, 0
	var by, before, stored event // before: under earlier epochs
	for i, n := range c.tenures {
		if i > 0 && n.epoch == c.tenures[i-1].epoch {
			twice++
		} else {
			before = stored
		}
		if n.resumed < before {
			fellBack++
			by = max(by, before-n.resumed)
		}
		stored = max(stored, n.stored)
	}
	if c.waits && (fellBack > 0 || twice > 0) {
		c.t.Errorf("%s fell back %d times and was granted an epoch twice %d times, though all replicas had acknowledged: %+v",
			c.key, fellBack, twice, c.tenures)
	}
	c.t.Logf("consumer %s: %d events, %d of them handled again, %d tenures; %d times the checkpoint had fallen back, by up to %d events; "+
		"%d times an epoch was granted twice", c.key, last, c.again, len(c.tenures), fellBack, by, twice)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
