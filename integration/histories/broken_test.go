package histories

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

var broken = map[string]func(engine) engine{
	"compares as float64":              func(e engine) engine { return &comparing{e, new(sync.Mutex), asFloats} },
	"compares as signed numbers":       func(e engine) engine { return &comparing{e, new(sync.Mutex), asSigned} },
	"compares prepares as signed":      func(e engine) engine { return &comparing{e, new(sync.Mutex), preparesAsSigned} },
	"reads, then writes":               func(e engine) engine { return &comparing{e, noLock{}, exactly} },
	"sends a Set again":                func(e engine) engine { return repeating{e} },
	"takes a failure for nothing":      func(e engine) engine { return emptyHanded{e} },
	"drops the fence with a Delete":    func(e engine) engine { return &forgetful{engine: e, deleted: make(map[string]int)} },
	"takes what has landed for Failed": func(e engine) engine { return pessimist{e} },
	"takes what was sent for landed":   func(e engine) engine { return optimist{e} },
	"does not fence":                   func(e engine) engine { return unfenced{e} },
	"keeps the fence at a stale write": func(e engine) engine { return &unmoved{engine: e, fences: make(map[string]uint64)} },
	"compares commit alone":            func(e engine) engine { return &comparing{e, new(sync.Mutex), byCommit} },
	"does not fence by a Rewind":       func(e engine) engine { return rewinding{e} },
	"reads what was there before":      func(e engine) engine { return &caching{engine: e, old: make(map[string]driver.Record)} },
	"keeps the expiry":                 func(e engine) engine { return &expiring{engine: e, ttls: make(map[string]time.Duration)} },
	"touches by a Set":                 func(e engine) engine { return rewriting{e} },
	"names a log that nobody named":    func(e engine) engine { return naming{e} },
	"grants a lease that is held":      func(e engine) engine { return &generous{engine: e, granted: make(map[string]driver.Lease)} },
	"grants a lease without an epoch":  func(e engine) engine { return &generous{engine: e, granted: make(map[string]driver.Lease), own: true} },
	"renews what was taken over":       func(e engine) engine { return clinging{e} },
	"does not renew":                   func(e engine) engine { return lazy{e} },
	"releases another's lease":         func(e engine) engine { return &releasing{engine: e, granted: make(map[string]driver.Lease)} },
	"tells of no rewind":               func(e engine) engine { return recalling{e, without(driver.AuditRewind)} },
	"tells of no deletion":             func(e engine) engine { return recalling{e, without(driver.AuditDelete)} },
	"tells of no take-over":            func(e engine) engine { return recalling{e, without(driver.AuditTakeOver)} },
	"tells of a change twice":          func(e engine) engine { return recalling{e, latestTwice} },
	"lets a lease outlive a Rewind":    func(e engine) engine { return &outliving{engine: e, held: make(map[string]driver.Lease)} },
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
