package histories

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

const (
	// patience is for whatever must happen, and does not say when.
	patience = 30 * time.Second
	// often is how often is looked whether it has.
	often = 2 * time.Millisecond
	// perEngine is how many clients each engine has at once.
	perEngine = 3
)

// play lets clients work, several on each engine, while disturb runs, and then
// reads each key, and its audit entries, with a client of the last engine.
func play(t *testing.T, h *history, seed uint64, engines []engine, disturb func()) {
	t.Helper()
	all := clients{seed: seed}
	working, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	t.Cleanup(func() { // where disturb ends the test
		stop()
		wg.Wait()
	})
	for _, e := range engines {
		for range perEngine {
			c := all.next(e, h)
			wg.Go(func() { c.work(working) })
		}
	}
	disturb()
	stop()
	wg.Wait()
	// A busy machine may let a client that is in a hurry fail time after time.
	last := engines[len(engines)-1]
	if i, ok := last.(impatient); ok {
		last = i.engine
	}
	readAll(t, h, all.next(last, h))
	readHistory(t, h, last)
}

// readAll reads each key and its fence at the end.
func readAll(t *testing.T, h *history, c *client) {
	t.Helper()
	for _, r := range h.keys {
		settle(t, h, c, r, func() input { return input{method: get} })
		settle(t, h, c, r, func() input {
			return input{method: write, write: named(driver.Write{Key: r.key, Mode: driver.Rewind, Mark: driver.Mark{UpdatedAt: nextTime()}})}
		})
	}
}

// settle repeats an operation on r until it is answered.
func settle(t *testing.T, h *history, c *client, r *record, choose func() input) {
	t.Helper()
	before := len(r.operations)
	for deadline := time.Now().Add(patience); ; time.Sleep(often) {
		h.mu.Lock()
		damaged := len(h.problems) > 0
		o := h.beginOn(r, c.id, choose())
		h.mu.Unlock()
		if damaged {
			return // nothing explains this history, and there may be no answer
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		c.do(ctx, o)
		cancel()
		if n := len(r.operations); n > before && !r.operations[n-1].Output.(output).unknown {
			return
		}
		// The more are unknown the longer is the search.
		if time.Now().After(deadline) || r.unknown > 2*maxUnknown {
			t.Fatalf("%s of %s is not answered within %v, or by the time %d operations are unknown", o.in, r.key, patience, r.unknown)
		}
	}
}

// hold fails the test where nothing explains h.
func hold(t *testing.T, h *history) {
	t.Helper()
	t.Log(h)
	err := h.check()
	if err == nil {
		return
	}
	t.Error(err)
	if errors.Is(err, errNotLinearizable) {
		paths, err := h.draw()
		t.Errorf("see %q %v", paths, err)
	}
}

// until waits until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(often) {
		if time.Now().After(deadline) {
			t.Fatalf("after %v it is still not so that %s", patience, what)
		}
	}
}

// operate waits until so many more operations have ended.
func (h *history) operate(t *testing.T, n int) {
	t.Helper()
	n += h.done()
	until(t, "the clients have worked", func() bool { return h.done() >= n })
}

// chooseSeed is the flag's, or any.
func chooseSeed(t *testing.T) uint64 {
	t.Helper()
	n := *seed
	if n == 0 {
		n = rand.Uint64()
	}
	t.Logf("repeat what the clients and the faults choose with -seed %d", n)
	return n
}
