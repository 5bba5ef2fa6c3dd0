package subscription_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A table holds events that commit in any order.
type table struct {
	mu        sync.Mutex
	committed []uint64 // sorted
}

func (t *table) commit(ids ...uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.committed = append(t.committed, ids...)
	slices.Sort(t.committed)
}

func (t *table) read(_ context.Context, after checkpoint.Position) ([]uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, _ := slices.BinarySearch(t.committed, after.Commit+1)
	page := t.committed[i:]
	return slices.Clone(page[:min(len(page), 5)]), nil
}

func (t *table) sequence() subscription.Sequence[uint64] {
	return subscription.Sequence[uint64]{Read: t.read, Position: at, GapTimeout: 10 * time.Second, Poll: time.Second}
}

// consume handles the table until it is stopped.
func (b bench) consume(t *table, j *journal) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	opts := subscription.Options{Missing: subscription.FromStart, FlushEvery: 1}
	go func() {
		ended <- subscription.Consume(ctx, b.store, key, &opts, t.sequence().After, handling(func(_ context.Context, n uint64) error {
			j.add(n)
			return nil
		}))
	}()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}
}

// TestEventThatCommitsLateIsHandled: event 4 is there before event 3, whatever
// happens to the consumer meanwhile.
func TestEventThatCommitsLateIsHandled(t *testing.T) {
	bubble(t, func(b bench) {
		var l table
		var j journal
		l.commit(1, 2, 4)
		stop := b.consume(&l, &j)
		time.Sleep(5 * time.Second)
		b.wantStored(2)
		stop()
		stop = b.consume(&l, &j)
		time.Sleep(9 * time.Second) // its gap began when it started
		b.wantStored(2)
		l.commit(3)
		time.Sleep(time.Second)
		b.wantStored(4)
		stop()
		if want := []uint64{1, 2, 3, 4}; !slices.Equal(j.done, want) {
			b.Errorf("handled %v, want %v", j.done, want)
		}
	})
}

// TestGapOfARollbackIsPassed: what was seen behind several gaps waits for all of
// them at once.
func TestGapOfARollbackIsPassed(t *testing.T) {
	bubble(t, func(b bench) {
		var l table
		var j journal
		l.commit(1, 3, 7)
		stop := b.consume(&l, &j)
		defer stop()
		time.Sleep(9 * time.Second)
		l.commit(5) // the gaps around it are as old as 7
		b.wantStored(1)
		time.Sleep(2 * time.Second)
		b.wantStored(7)
	})
}

// TestGapIsReadOnceMoreWhenItIsOld: an event that commits in time, while Read hangs,
// is not passed by what was read before.
func TestGapIsReadOnceMoreWhenItIsOld(t *testing.T) {
	bubble(t, func(b bench) {
		var l table
		l.commit(1, 3)
		q := l.sequence()
		var reads int
		q.Read = func(ctx context.Context, after checkpoint.Position) ([]uint64, error) {
			found, err := l.read(ctx, after)
			if reads++; reads == 3 {
				time.Sleep(8 * time.Second)
				l.commit(2)
				time.Sleep(8 * time.Second)
			}
			return found, err
		}
		var got []uint64
		ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
		defer cancel()
		for n, err := range q.After(ctx, at(0)) {
			if got = append(got, n); err != nil || len(got) == 3 {
				break
			}
		}
		if want := []uint64{1, 2, 3}; !slices.Equal(got, want) {
			b.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestNoCommittedEventIsSkipped: transactions that last less than GapTimeout, of
// which some are rolled back, in an order by chance.
func TestNoCommittedEventIsSkipped(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	bubble(t, func(b bench) {
		var l table
		var j journal
		stop := b.consume(&l, &j)
		var want []uint64
		for n := range uint64(500) {
			time.Sleep(upTo(400 * time.Millisecond))
			if random.IntN(5) == 0 {
				continue // rolled back
			}
			want = append(want, n+1)
			time.AfterFunc(upTo(9*time.Second), func() { l.commit(n + 1) })
			if random.IntN(50) == 0 {
				stop()
				stop = b.consume(&l, &j)
			}
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		stop()
		if !slices.Equal(j.done, want) {
			b.Errorf("handled %d events, want each of %d once, in order", len(j.done), len(want))
		}
	})
}

func TestSequenceThatCannotBeReadEndsConsume(t *testing.T) {
	bubble(t, func(b bench) {
		fails := func(context.Context, checkpoint.Position) ([]uint64, error) { return nil, errEngine }
		none := handling(func(context.Context, uint64) error { return nil })
		opts := subscription.Options{Missing: subscription.FromStart}
		for name, q := range map[string]subscription.Sequence[uint64]{
			"the reader's error": {Read: fails, Position: at},
			"Read and Position":  {Read: fails},
			"GapTimeout":         {Read: fails, Position: at, GapTimeout: -1},
			"Poll":               {Read: fails, Position: at, Poll: -1},
		} {
			err := subscription.Consume(b.Context(), b.store, key, &opts, q.After, none)
			if err == nil || !errors.Is(err, errEngine) && !strings.Contains(err.Error(), name) {
				b.Errorf("Consume: %v; want %s", err, name)
			}
		}
	})
}
