package memstore_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
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

// The context of a call is one allocation, and the keys of a Get are another.
func TestAllocations(t *testing.T) {
	store, commit := checkpoint.New(memstore.New(), nil), uint64(0)
	for _, c := range []struct {
		name string
		most float64
		call func() error
	}{
		{"SetIfNewer", 1, func() error {
			commit++
			_, err := store.SetIfNewer(t.Context(), "a", checkpoint.Position{Commit: commit})
			return err
		}},
		{"Get", 2, func() error {
			_, err := store.Get(t.Context(), "a")
			return err
		}},
	} {
		if err := c.call(); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(1000, func() { _ = c.call() }); n > c.most {
			t.Errorf("%s allocates %v times, want %v at most", c.name, n, c.most)
		}
	}
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

// TestDamageOfAnExpiredCheckpoint is seen, too.
func TestDamageOfAnExpiredCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := memstore.New()
		store := checkpoint.New(d, nil)
		if err := store.Set(t.Context(), "k", checkpoint.Position{Commit: 1}, checkpoint.TTL(time.Minute)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		d.Damage("k")
		if _, err := store.Get(t.Context(), "k"); !errors.Is(err, checkpoint.ErrCorruptCheckpoint) {
			t.Errorf("Get: %v, want ErrCorruptCheckpoint", err)
		}
	})
}
