// Package benchtest holds the calls that benchmarks measure on any store. A call
// that does not do its work fails the benchmark, since an error would look fast.
package benchtest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/filltest"
)

// A Call is one kind of call, which a benchmark makes b.N times on an empty
// store. Its name is the method and at most one pair:
// "SetIfNewer/goroutines=16".
type Call struct {
	Name string
	run  func(*bench)
}

// Calls returns all kinds of calls.
func Calls() []Call {
	var calls []Call
	levels := []int{1, 16, 64, 256, 512, 1024}
	for _, n := range levels {
		calls = append(calls, Call{fmt.Sprintf("SetIfNewer/goroutines=%d", n), func(b *bench) { b.setIfNewer(n) }})
	}
	for _, n := range levels {
		calls = append(calls, Call{fmt.Sprintf("Get/goroutines=%d", n), func(b *bench) { b.get(n) }})
	}
	for _, n := range []int{100, 1000} {
		calls = append(calls, Call{fmt.Sprintf("Apply/batch=%d", n), func(b *bench) { b.apply(n) }})
	}
	return append(calls, Call{"GetAll", (*bench).getAll}, Call{"Clear", (*bench).clear})
}

// Run measures the call, and reports ops/s.
func (c Call) Run(b *testing.B, store *checkpoint.Store) {
	b.Helper()
	c.run(&bench{B: b, store: store})
}

// RunTimed does what Run does, and also reports p50-ns and p99-ns for
// SetIfNewer and Get. It reads the clock twice per call.
func (c Call) RunTimed(b *testing.B, store *checkpoint.Store) {
	b.Helper()
	c.run(&bench{B: b, store: store, timed: true})
}

type bench struct {
	*testing.B
	store *checkpoint.Store
	timed bool
}

func (b *bench) setIfNewer(n int) {
	keys := Keys(n)
	b.spread(n, func(worker, i int) error {
		ok, err := b.store.SetIfNewer(b.Context(), keys[worker], at(i))
		if err == nil && !ok {
			err = fmt.Errorf("%s did not advance to %d", keys[worker], i)
		}
		return err
	})
}

func (b *bench) get(n int) {
	keys := Keys(n)
	b.fill(keys)
	b.spread(n, func(worker, _ int) error {
		c, err := b.store.Get(b.Context(), keys[worker])
		if err == nil && c.Position != at(worker) {
			err = fmt.Errorf("%s is at %v, want %v", keys[worker], c.Position, at(worker))
		}
		return err
	})
}

func (b *bench) apply(size int) {
	keys := Keys(size)
	writes := make([]checkpoint.Write, size)
	b.ReportAllocs()
	b.ResetTimer()
	for done, round := 0, 1; done < b.N; round++ {
		batch := writes[:min(size, b.N-done)]
		for i := range batch {
			batch[i] = checkpoint.Write{Key: keys[i], Mark: checkpoint.Mark{Position: at(round)}, IfNewer: true}
		}
		outcomes, err := b.store.Apply(b.Context(), batch...)
		if err != nil {
			b.Fatal(err)
		}
		if slices.ContainsFunc(outcomes, func(o checkpoint.Outcome) bool { return o != checkpoint.Advanced }) {
			b.Fatalf("the outcomes of Apply are %v", outcomes)
		}
		done += len(batch)
	}
	b.rate()
}

const walked = 10_000 // the most checkpoints that one GetAll or Clear meets

func (b *bench) getAll() {
	n := min(walked, b.N)
	b.fill(Keys(n))
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		found := 0
		for _, err := range b.store.GetAll(b.Context(), "*") {
			if err != nil {
				b.Fatal(err)
			}
			found++
			if done++; done >= b.N {
				break
			}
		}
		if found != n && done < b.N {
			b.Fatalf("GetAll found %d checkpoints, want %d", found, n)
		}
	}
	b.rate()
}

// clear takes other keys for each Clear. A store may keep a trace of each deletion, and a key
// that is cleared over and over has more of them than users' keys have.
func (b *bench) clear() {
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		n := min(walked, b.N-done)
		b.StopTimer()
		b.fill(keysFrom(done, n))
		b.StartTimer()
		if cleared, err := b.store.Clear(b.Context(), "*"); err != nil || cleared != n {
			b.Fatalf("Clear removed %d checkpoints, %v, want %d", cleared, err, n)
		}
		done += n
	}
	b.rate()
}

// spread makes b.N calls on n goroutines. Each goroutine makes its share, and
// numbers its calls from 1.
func (b *bench) spread(n int, call func(worker, i int) error) {
	workers := min(n, b.N)
	took := make([][]time.Duration, workers)
	share := func(worker int) int { return (b.N + n - 1 - worker) / n }
	if b.timed {
		for w := range took {
			took[w] = make([]time.Duration, share(w))
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range share(w) {
				err := b.time(took[w], i, func() error { return call(w, i+1) })
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.rate()
	b.percentiles(slices.Concat(took...))
}

func (b *bench) time(took []time.Duration, i int, call func() error) error {
	if !b.timed {
		return call()
	}
	start := time.Now()
	err := call()
	took[i] = time.Since(start)
	return err
}

func (b *bench) percentiles(took []time.Duration) {
	slices.Sort(took)
	for _, p := range []int{50, 99} {
		// With fewer calls, p99 would be the slowest call alone.
		if len(took) >= 100 {
			b.ReportMetric(float64(took[len(took)*p/100]), fmt.Sprintf("p%d-ns", p))
		}
	}
}

func (b *bench) rate() { Rate(b.B, b.N) }

// Rate reports ops/s for n operations, and stops the timer.
func Rate(b *testing.B, n int) {
	b.Helper()
	b.StopTimer()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "ops/s")
}

// Keys returns n keys.
func Keys(n int) []string { return keysFrom(0, n) }

func keysFrom(first, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("consumer/%d", first+i)
	}
	return keys
}

func at(n int) checkpoint.Position {
	return checkpoint.Position{Commit: uint64(n), Prepare: uint64(n)}
}

// fill writes as a consumer does, which leaves no audit entries.
func (b *bench) fill(keys []string) {
	err := filltest.Fill(b.Context(), b.store, len(keys), func(i int) checkpoint.Write {
		return checkpoint.Write{Key: keys[i], Mark: checkpoint.Mark{Position: at(i)}, IfNewer: true}
	})
	if err != nil {
		b.Fatal(err)
	}
}
