package storetest_test

import (
	"context"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/storetest"
)

// A driver need not have every ability.
func TestDriverWithFewAbilitiesPasses(t *testing.T) {
	for name, show := range map[string]func(plain) driver.Driver{
		"all but leases":   func(p plain) driver.Driver { return leaseless{p, p.mem, p.mem, p.mem, p.mem, p.mem, p.mem} },
		"leases alone":     func(p plain) driver.Driver { return leaser{p, p.mem} },
		"reports alone":    func(p plain) driver.Driver { return reporter{p, p.mem} },
		"Inspect alone":    func(p plain) driver.Driver { return inspector{p, p.mem} },
		"RaiseFence alone": func(p plain) driver.Driver { return fencer{p, p.mem} },
		"reads leases":     func(p plain) driver.Driver { return leaseReader{p, p.mem} },
		"none":             func(p plain) driver.Driver { return p },
	} {
		for _, c := range storetest.Cases() {
			t.Run(name+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				if r := observeInBubble(t, c, harnessOver(show)); r.Failed() {
					t.Errorf("a sound driver fails:\n%s", r.output())
				}
			})
		}
	}
}

// plain shows no ability of a memstore.
type plain struct {
	driver.Driver
	mem    *memstore.Driver
	second bool
}

func (p plain) stored() *memstore.Driver { return p.mem }

func (p plain) Close() error {
	if p.second {
		return nil
	}
	return p.mem.Close()
}

type (
	leaseless struct {
		plain
		driver.Inspector
		driver.Fencer
		driver.Historian
		driver.Sampler
		driver.Adopter
		driver.Reporter
	}
	leaser struct {
		plain
		driver.Leaser
	}
	reporter struct {
		plain
		driver.Reporter
	}
	leaseReader struct {
		plain
		driver.Reporter
	}
	inspector struct {
		plain
		driver.Inspector
	}
	fencer struct {
		plain
		driver.Fencer
	}
)

func (r leaseReader) Leases(ctx context.Context, keys []string) ([]driver.StoredLease, error) {
	return driver.LeasesOf(ctx, r.mem, keys)
}

// harnessOver opens drivers that show a part of a memstore.
func harnessOver(show func(plain) driver.Driver) storetest.Harness {
	stored := func(d driver.Driver) *memstore.Driver { return d.(interface{ stored() *memstore.Driver }).stored() }
	return storetest.Harness{
		Open: func(tb testing.TB) driver.Driver {
			tb.Helper()
			mem := memstore.New()
			tb.Cleanup(func() { mem.Close() })
			return show(plain{Driver: mem, mem: mem})
		},
		Reopen: func(_ testing.TB, d driver.Driver) driver.Driver {
			return show(plain{Driver: stored(d), mem: stored(d), second: true})
		},
		Damage:      func(_ testing.TB, d driver.Driver, key string) { stored(d).Damage(key) },
		DamageFence: func(_ testing.TB, d driver.Driver, key string) { stored(d).DamageFence(key) },
		DamageLease: func(_ testing.TB, d driver.Driver, key string) { stored(d).DamageLease(key) },
		Outage: func(_ testing.TB, d driver.Driver) (restore func()) {
			stored(d).Fail(errOutage)
			return func() { stored(d).Fail(nil) }
		},
	}
}
