package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/benchtest"
	"github.com/checkpointstore/checkpoint/internal/filltest"
)

// BenchmarkTarget measures what targets names. The two sides of a ratio take turns of tens
// of milliseconds, so that other work on the machine meets both. An operation is a turn of
// each. The ratio is the median of those of the turns.
func BenchmarkTarget(b *testing.B) {
	for _, m := range measurements {
		b.Run(m.of, m.measure)
	}
}

// A measurement is how a target is measured.
type measurement struct {
	of      string
	measure func(*testing.B)
}

var measurements = []measurement{
	{"engine=redis/call=SetIfNewer/goroutines=1", besideGoRedis},
	{"engine=redis/call=SetIfNewer/goroutines=256", besideLimit(256, advance)},
	{"engine=redis/call=SetIfNewer/goroutines=1024", besideLimit(1024, advance)},
	{"engine=redis/call=Apply/batch=1000", besideLimit(1000, apply)},
	{"engine=redis/server=newer", besideScript(0)},
	{"engine=redis/server=epoch", besideScript(7)},
	{"engine=redis/call=Get/goroutines=1", besideRueidis(1)},
	{"engine=redis/call=Get/goroutines=256", besideRueidis(256)},
	{"engine=redis/call=Get/goroutines=1024", besideRueidis(1024)},
	{"engine=redis/call=GetAll", besideHGETALL},
	{"engine=redis/walk", measureWalk},
	{"engine=redis/replicas=2", besideNoReplicas},
	{"engine=sqlite/call=Get/goroutines=1", besideSQL},
	{"engine=sqlite/call=GetAll", besideSELECT},
	{"engine=sqlite/call=SetIfNewer/goroutines=1", besideAppend(1)},
	{"engine=sqlite/call=SetIfNewer/goroutines=512", besideAppend(512)},
	{"engine=memory/call=SetIfNewer/goroutines=1", besideMap},
	{"engine=redis/subscription", besideMemstore(onRedis)},
	{"engine=sqlite/subscription", besideMemstore(onSQLite)},
	{"engine=redis/lone", lone(onRedis)},
	{"engine=sqlite/lone", lone(onSQLite)},
}

// A side takes a turn, and returns how much of the work takes a second.
type side func(*testing.B) float64

func alternate(b *testing.B, ours, beside side) {
	b.Helper()
	sides := []side{ours, beside}
	var rates [2][]float64
	for _, s := range sides {
		s(b) // makes the rows, and the connections
	}
	var ratios []float64
	for b.Loop() {
		for i := range sides {
			i ^= len(ratios) % 2
			rates[i] = append(rates[i], sides[i](b))
		}
		ratios = append(ratios, rates[0][len(ratios)]/rates[1][len(ratios)])
	}
	b.ReportMetric(median(ratios), ratio)
	b.ReportMetric(median(rates[0]), "ops/s")
	b.ReportMetric(median(rates[1]), "beside/s")
}

const (
	turnTime = 50 * time.Millisecond
	// settleTime is until all callers are at work.
	settleTime = 10 * time.Millisecond
)

// callers is n goroutines that call again and again. A call returns how much work it did.
func callers(n int, call func(caller int) (int, error)) side {
	done := make([]atomic.Int64, n)
	sum := func() (total int64) {
		for i := range done {
			total += done[i].Load()
		}
		return total
	}
	return func(b *testing.B) float64 {
		b.Helper()
		var stop atomic.Bool
		var group sync.WaitGroup
		for i := range n {
			group.Go(func() {
				for !stop.Load() {
					work, err := call(i)
					if err != nil {
						b.Error(err)
						return
					}
					done[i].Add(int64(work))
				}
			})
		}
		time.Sleep(settleTime)
		before, start := sum(), time.Now()
		time.Sleep(turnTime)
		rate := float64(sum()-before) / time.Since(start).Seconds()
		stop.Store(true)
		group.Wait()
		return rate
	}
}

// advance is n callers of SetIfNewer with a key each.
func advance(ctx context.Context, store *checkpoint.Store, n int) side {
	keys, last := benchtest.Keys(n), make([]uint64, n)
	return callers(n, func(i int) (int, error) {
		last[i]++
		ok, err := store.SetIfNewer(ctx, keys[i], checkpoint.Position{Commit: last[i], Prepare: last[i]})
		if err == nil && !ok {
			err = fmt.Errorf("%s did not advance to %d", keys[i], last[i])
		}
		return 1, err
	})
}

// apply is one caller of Apply with n keys.
func apply(ctx context.Context, store *checkpoint.Store, n int) side {
	write := batches(ctx, store, n, 0)
	return callers(1, func(int) (int, error) { return n, write() })
}

// batches returns what writes each of n keys with a newer position.
func batches(ctx context.Context, store *checkpoint.Store, n int, epoch uint64) func() error {
	keys, writes, last := benchtest.Keys(n), make([]checkpoint.Write, n), uint64(0)
	return func() error {
		last++
		for i := range writes {
			mark := checkpoint.Mark{Position: checkpoint.Position{Commit: last, Prepare: last}, Epoch: epoch}
			writes[i] = checkpoint.Write{Key: keys[i], IfNewer: true, Mark: mark}
		}
		outcomes, err := store.Apply(ctx, writes...)
		if err == nil && slices.ContainsFunc(outcomes, func(o checkpoint.Outcome) bool { return o != checkpoint.Advanced }) {
			err = fmt.Errorf("the outcomes of Apply are %v", outcomes)
		}
		return err
	}
}

// read is n callers of Get with a key each.
func read(ctx context.Context, store *checkpoint.Store, n int) (side, error) {
	keys := benchtest.Keys(n)
	at := func(i int) checkpoint.Mark {
		return checkpoint.Mark{Position: checkpoint.Position{Commit: 100_000 + uint64(i), Prepare: 100_000}}
	}
	err := filltest.Fill(ctx, store, n, func(i int) checkpoint.Write { return checkpoint.Write{Key: keys[i], Mark: at(i)} })
	return callers(n, func(i int) (int, error) {
		c, err := store.Get(ctx, keys[i])
		if err == nil && c.Position != at(i).Position {
			err = fmt.Errorf("%s is at %v, want %v", keys[i], c.Position, at(i).Position)
		}
		return 1, err
	}), err
}

// walk is GetAll of a store that has *largeKeys keys.
func walk(b *testing.B, store *checkpoint.Store) side {
	b.Helper()
	if err := fillLarge(b.Context(), store, *largeKeys); err != nil {
		b.Fatal(err)
	}
	return func(b *testing.B) float64 {
		b.Helper()
		start := time.Now()
		if err := readLarge(b.Context(), store, *largeKeys); err != nil {
			b.Fatal(err)
		}
		return float64(*largeKeys) / time.Since(start).Seconds()
	}
}

// open opens the contestant of that name in place.
func (e *engine) open(b *testing.B, name, place string) *checkpoint.Store {
	b.Helper()
	i := slices.IndexFunc(e.contestants, func(c contestant) bool { return c.name == name })
	d, err := e.contestants[i].open(b.Context(), place)
	if err != nil {
		b.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	b.Cleanup(func() { store.Close() })
	return store
}
