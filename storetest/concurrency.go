package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/checkpointstore/checkpoint/driver"
)

var concurrencyCases = []Case{
	{
		Name: "concurrency/maximum",
		Rule: "If many goroutines write positions to one key with IfNewer, the highest position remains. " +
			"Nobody ever reads a lower position than one that was acknowledged before.",
		run: func(c *client) { concurrentMaximum(c) },
	},
	{
		Name: "concurrency/first-write",
		Rule: "If many goroutines write the same position to a new key with IfNewer, one is Advanced, and the " +
			"others are Unchanged.",
		run: concurrentFirstWrite,
	},
	{
		Name: "concurrency/epochs",
		Rule: "If many goroutines write with epochs, the stored epoch never goes back.",
		run:  concurrentEpochs,
	},
	{
		Name: "concurrency/rewinds",
		Rule: "Concurrent Rewinds each raise the fence by one: no two get the same epoch.",
		run:  concurrentRewinds,
	},
	{
		Name: "concurrency/mixed",
		Rule: "Many goroutines may call every method at once, and none disturbs the keys of another.",
		run:  concurrentMixed,
	},
}

const goroutines = 64

// together runs f on n goroutines, and starts them at once.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// send is for goroutines, which must not end the test. It returns false if it
// has reported an error.
func (c *client) send(w driver.Write) (driver.Result, bool) {
	results, err := c.driver.Write(c.ctx, []driver.Write{w})
	if err != nil || len(results) != 1 || results[0].Err != nil {
		c.Errorf("%s: %v, %v", describe(w), results, err)
		return driver.Result{}, false
	}
	return results[0], true
}

func (c *client) fetch(key string) (driver.Record, bool) {
	records, err := c.driver.Get(c.ctx, []string{key})
	if err != nil || len(records) != 1 || records[0].Err != nil {
		c.Errorf("Get %q: %v, %v", key, records, err)
		return driver.Record{}, false
	}
	return records[0], true
}

// A high is the highest position of which anybody was told that it, or a newer
// one, is stored.
type high struct {
	mu sync.Mutex
	p  driver.Position
}

// raise takes p into account and returns the highest.
func (h *high) raise(p driver.Position) driver.Position {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.Compare(h.p) > 0 {
		h.p = p
	}
	return h.p
}

// readsAtLeast checks that a read finds the position least, which was
// acknowledged before the read began, or a newer one.
func (c *client) readsAtLeast(least driver.Position, key string) bool {
	r, ok := c.fetch(key)
	if ok && r.Position.Compare(least) < 0 {
		c.Errorf("after %s was acknowledged one reads %s, which is older", position(least), position(r.Position))
		return false
	}
	return ok
}

func concurrentMaximum(clients ...*client) {
	seed := rand.Uint64()
	var highest high
	together(goroutines, func(i int) {
		c := clients[i%len(clients)]
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		for round := range uint64(20) {
			// The positions go from below 2^63 to above it. Many share a
			// commit.
			w := ifNewer("k", 1<<63-50+5*round+random.Uint64N(20), random.Uint64())
			if _, ok := c.send(w); !ok || !c.readsAtLeast(highest.raise(w.Position), "k") {
				return
			}
		}
	})
	for _, c := range clients {
		if r := c.one("k"); r.Position != highest.p {
			c.Fatalf("%s remains, want the highest that was written, %s (random seed %d)",
				position(r.Position), position(highest.p), seed)
		}
	}
}

func concurrentFirstWrite(c *client) {
	for round := range 10 {
		w := ifNewer(fmt.Sprintf("k/%d", round), 7, 7)
		var advanced, unchanged atomic.Int32
		together(goroutines, func(int) {
			switch r, _ := c.send(w); r.Outcome {
			case driver.Advanced:
				advanced.Add(1)
			case driver.Unchanged:
				unchanged.Add(1)
			}
		})
		if advanced.Load() != 1 || unchanged.Load() != goroutines-1 {
			c.Fatalf("of %d equal writes to a new key %d were Advanced and %d Unchanged, want 1 and %d",
				goroutines, advanced.Load(), unchanged.Load(), goroutines-1)
		}
	}
}

// concurrentEpochs uses the epoch as the position, too. A fence that refuses a
// write equals the stored epoch.
func concurrentEpochs(c *client) {
	const rounds = 20
	var highest high
	together(goroutines, func(i int) {
		for n := range uint64(rounds) {
			epoch := n*goroutines + uint64(i) + 1
			r, ok := c.send(fenced(epoch, set("k", epoch, 0)))
			if !ok {
				return
			}
			if r.Outcome == driver.Fenced {
				epoch = r.Epoch
			}
			if !c.readsAtLeast(highest.raise(driver.Position{Commit: epoch}), "k") {
				return
			}
		}
	})
	c.holds(fenced(rounds*goroutines, set("k", rounds*goroutines, 0)))
}

func concurrentRewinds(c *client) {
	epochs := make([]uint64, goroutines)
	together(goroutines, func(i int) {
		r, _ := c.send(rewind("k", uint64(i), 0))
		epochs[i] = r.Epoch
	})
	slices.Sort(epochs)
	for i, epoch := range epochs {
		if want := uint64(i) + 1; epoch != want {
			c.Fatalf("%d rewinds at once got the epochs %v, want each from 1 to %d", goroutines, epochs, goroutines)
		}
	}
	if r := c.one("k"); r.Epoch != goroutines {
		c.Fatalf("the last rewind left epoch %d, want %d", r.Epoch, goroutines)
	}
}

// concurrentMixed gives each goroutine its own keys to check, in batches,
// beside the keys of all the others.
func concurrentMixed(c *client) {
	together(16, func(i int) {
		mine := []string{fmt.Sprintf("%d/a", i), fmt.Sprintf("%d/b", i), fmt.Sprintf("%d/c", i)}
		for n := range uint64(10) {
			var writes []driver.Write
			for _, key := range mine {
				writes = append(writes, ifNewer(key, n+1, uint64(i)))
			}
			results, err := c.driver.Write(c.ctx, writes)
			if err != nil || len(results) != len(writes) {
				c.Errorf("Write among others: %v, %v", results, err)
				return
			}
			records, err := c.driver.Get(c.ctx, mine)
			if err != nil || len(records) != len(mine) {
				c.Errorf("Get among others: %v, %v", records, err)
				return
			}
			for j, r := range records {
				if results[j].Outcome != driver.Advanced || r.Err != nil || r.Position != writes[j].Position {
					c.Errorf("%s among others: %s, and then one reads %s", describe(writes[j]), outcome(results[j]), show(r))
					return
				}
			}
			keys, err := collect(c.driver.Scan(c.ctx, fmt.Sprintf("%d/*", i), 2))
			if err != nil || len(keys) != len(mine) {
				c.Errorf("Scan among others found %q, %v, want %q", keys, err, mine)
				return
			}
			if gone, err := c.driver.Delete(c.ctx, mine); err != nil || gone != len(mine) {
				c.Errorf("Delete among others: %d, %v, want %d", gone, err, len(mine))
				return
			}
		}
	})
	c.lists("*", 10)
}
