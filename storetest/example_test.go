package storetest_test

import (
	"errors"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/storetest"
)

// What the test of a driver of your own says. The engine here is a memstore;
// the comments tell what yours would do.
func ExampleRun() {
	var t *testing.T // that of func TestConformance(t *testing.T)

	storetest.Run(t, storetest.Harness{
		// Create a table, a bucket or a prefix that no other test uses, and
		// drop it in the cleanup.
		Open: func(tb testing.TB) driver.Driver {
			tb.Helper()
			d := memstore.New()
			tb.Cleanup(func() { d.Close() })
			return d
		},

		// Connect a second time to the same table, bucket or prefix.
		Reopen: func(_ testing.TB, d driver.Driver) driver.Driver {
			return sharedMemory{d}
		},

		// Overwrite the row or the value, by the engine's own client, with
		// what your driver never writes.
		Damage:      func(_ testing.TB, d driver.Driver, key string) { d.(*memstore.Driver).Damage(key) },
		DamageFence: func(_ testing.TB, d driver.Driver, key string) { d.(*memstore.Driver).DamageFence(key) },
		DamageLease: func(_ testing.TB, d driver.Driver, key string) { d.(*memstore.Driver).DamageLease(key) },

		// Stop the server, or cut the connection to it.
		Outage: func(_ testing.TB, d driver.Driver) (restore func()) {
			m := d.(*memstore.Driver)
			m.Fail(errors.New("the engine is away"))
			return func() { m.Fail(nil) }
		},

		// Only what the engine cannot do, and why.
		Except: map[string]string{
			"ttl/centuries": "the engine keeps an expiry as seconds in 32 bits",
		},
	})
}

// What the benchmark of a driver of your own says.
func ExampleBench() {
	var b *testing.B // that of func BenchmarkStore(b *testing.B)

	storetest.Bench(b, func(testing.TB) driver.Driver { return memstore.New() })
}

// sharedMemory is a second driver over the same memory: its Close leaves the
// first one working.
type sharedMemory struct{ driver.Driver }

func (sharedMemory) Close() error { return nil }
