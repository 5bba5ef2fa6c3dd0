package main

import (
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/benchtest"
	"github.com/checkpointstore/checkpoint/memstore"
)

func besideSQL(b *testing.B) {
	b.Helper()
	e := sqliteEngine()
	var sides [2]side
	for i, name := range []string{"store", "sql"} {
		var err error
		if sides[i], err = read(b.Context(), e.open(b, name, e.empty(b)), 1); err != nil {
			b.Fatal(err)
		}
	}
	alternate(b, sides[0], sides[1])
}

// besideSELECT reads a large store.
func besideSELECT(b *testing.B) {
	b.Helper()
	e := sqliteEngine()
	alternate(b, walk(b, e.open(b, "store", e.empty(b))), walk(b, e.open(b, "sql", e.empty(b))))
}

func besideAppend(n int) func(*testing.B) {
	return func(b *testing.B) {
		b.Helper()
		e := sqliteEngine()
		durably := benchtest.Appender(b, b.TempDir())
		alternate(b, advance(b.Context(), e.open(b, "store", e.empty(b)), n),
			callers(1, func(int) (int, error) { return 1, durably() }))
	}
}

// besideMap measures by the time of the processor, so that a core that is taken away for a
// while does not count. It also counts the allocations of a call.
func besideMap(b *testing.B) {
	b.Helper()
	store, key, last := checkpoint.New(memstore.New(), nil), benchtest.Keys(1)[0], uint64(0)
	ctx := b.Context()
	next := func() checkpoint.Position { last++; return checkpoint.Position{Commit: last, Prepare: last} }
	ours := func() bool {
		ok, err := store.SetIfNewer(ctx, key, next())
		return ok && err == nil
	}
	plain := positions{at: make(map[string]checkpoint.Position)}
	alternate(b, onProcessor(ours), onProcessor(func() bool { return plain.setIfNewer(key, next()) }))
	b.ReportMetric(testing.AllocsPerRun(10_000, func() { ours() }), allocations)
}

func onProcessor(call func() (ok bool)) side {
	return func(b *testing.B) float64 {
		b.Helper()
		start, before, calls := time.Now(), processorTime(b), 0
		for ; calls%1000 != 0 || time.Since(start) < turnTime; calls++ {
			if !call() {
				b.Fatal("a call did not advance")
			}
		}
		return float64(calls) / (processorTime(b) - before).Seconds()
	}
}

// positions is what a program has that keeps positions in memory.
type positions struct {
	mu sync.Mutex
	at map[string]checkpoint.Position
}

func (p *positions) setIfNewer(key string, to checkpoint.Position) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stored, ok := p.at[key]; ok && to.Compare(stored) < 0 {
		return false
	}
	p.at[key] = to
	return true
}
