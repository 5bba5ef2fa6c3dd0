package histories

import (
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

var broken = map[string]func(engine) engine{
	"compares as float64":              func(e engine) engine { return &comparing{e, new(sync.Mutex), asFloats} },
	"reads, then writes":               func(e engine) engine { return &comparing{e, noLock{}, exactly} },
	"sends a Set again":                func(e engine) engine { return repeating{e} },
	"takes a failure for nothing":      func(e engine) engine { return emptyHanded{e} },
	"drops the fence with a Delete":    func(e engine) engine { return &forgetful{engine: e, deleted: make(map[string]int)} },
	"takes what has landed for Failed": func(e engine) engine { return pessimist{e} },
	"takes what was sent for landed":   func(e engine) engine { return optimist{e} },
	"does not fence":                   func(e engine) engine { return unfenced{e} },
	"keeps the fence at a stale write": func(e engine) engine { return &unmoved{engine: e, fences: make(map[string]uint64)} },
	"compares commit alone":            func(e engine) engine { return &comparing{e, new(sync.Mutex), byCommit} },
	"reads what was there before":      func(e engine) engine { return &caching{engine: e, old: make(map[string]driver.Record)} },
}

// TestBrokenDrivers breaks a driver in one way each, and that must be found.
func TestBrokenDrivers(t *testing.T) {
	t.Parallel()
	first := chooseSeed(t)
	for _, name := range slices.Sorted(maps.Keys(broken)) {
		t.Run(name, func(t *testing.T) {
			e := broken[name](memstore.New())
			find(t, first, []engine{e}, func(h *history) { h.operate(t, 300) })
		})
	}
}

// TestIntactDriver: what is broken above is not found for how it is broken.
func TestIntactDriver(t *testing.T) {
	t.Parallel()
	h := newHistory("intact")
	intact := &comparing{memstore.New(), new(sync.Mutex), exactly}
	play(t, h, chooseSeed(t), []engine{intact}, func() { h.operate(t, 1000) })
	hold(t, h)
}
