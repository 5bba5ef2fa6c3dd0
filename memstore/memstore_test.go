package memstore_test

import (
	"errors"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		Open:        open,
		Reopen:      func(_ testing.TB, d driver.Driver) driver.Driver { return second{d.(*memstore.Driver)} },
		Damage:      func(_ testing.TB, d driver.Driver, key string) { d.(*memstore.Driver).Damage(key) },
		DamageFence: func(_ testing.TB, d driver.Driver, key string) { d.(*memstore.Driver).DamageFence(key) },
		DamageLease: func(_ testing.TB, d driver.Driver, key string) { d.(*memstore.Driver).DamageLease(key) },
		Outage: func(_ testing.TB, d driver.Driver) (restore func()) {
			m := d.(*memstore.Driver)
			m.Fail(errors.New("made to fail by the test"))
			return func() { m.Fail(nil) }
		},
	})
}

func BenchmarkStore(b *testing.B) { storetest.Bench(b, open) }

func open(tb testing.TB) driver.Driver {
	tb.Helper()
	d := memstore.New()
	tb.Cleanup(func() { d.Close() })
	return d
}

// A second driver over the same memory is the same one, but for its Close.
type second struct{ *memstore.Driver }

func (second) Close() error { return nil }
