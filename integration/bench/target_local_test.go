package main

import (
	"sync"
	"testing"

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

// besideMap also counts the allocations of a call.
func besideMap(b *testing.B) {
	b.Helper()
	const calls = 1000 // a single one would take less time than the count
	store, key, last := checkpoint.New(memstore.New(), nil), benchtest.Keys(1)[0], uint64(0)
	ctx := b.Context()
	next := func() checkpoint.Position { last++; return checkpoint.Position{Commit: last, Prepare: last} }
	ours := callers(1, func(int) (int, error) {
		for range calls {
			if ok, err := store.SetIfNewer(ctx, key, next()); err != nil || !ok {
				b.Fatalf("SetIfNewer returned %v, %v", ok, err)
			}
		}
		return calls, nil
	})
	plain := positions{at: make(map[string]checkpoint.Position)}
	alternate(b, ours, callers(1, func(int) (int, error) {
		for range calls {
			if !plain.setIfNewer(key, next()) {
				b.Fatal("the map has a newer position")
			}
		}
		return calls, nil
	}))
	b.ReportMetric(testing.AllocsPerRun(10*calls, func() { _, _ = store.SetIfNewer(ctx, key, next()) }), allocations)
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
