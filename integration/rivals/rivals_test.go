package rivals_test

import (
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/integration/rivals"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// rival opens one rival over an empty store.
type rival struct {
	name string
	open func(tb testing.TB, server *redistest.Server) (driver.Driver, error)
}

var all = []rival{
	{"goredis", func(_ testing.TB, server *redistest.Server) (driver.Driver, error) {
		return rivals.NewGoRedis(redis.NewClient(&redis.Options{Addr: server.Addr()})), nil
	}},
	{"rueidis", func(_ testing.TB, server *redistest.Server) (driver.Driver, error) {
		return rivals.NewRueidis(server.Addr())
	}},
	{"bbolt", func(tb testing.TB, _ *redistest.Server) (driver.Driver, error) {
		tb.Helper()
		return rivals.OpenBbolt(filepath.Join(tb.TempDir(), "rival.db"))
	}},
	{"sql", func(tb testing.TB, _ *redistest.Server) (driver.Driver, error) {
		tb.Helper()
		return rivals.OpenSQL(tb.Context(), filepath.Join(tb.TempDir(), "rival.db"))
	}},
	{"pgx", func(tb testing.TB, _ *redistest.Server) (driver.Driver, error) {
		tb.Helper()
		return rivals.OpenPgx(tb.Context(), pgtest.Start(tb).URL("postgres"))
	}},
	{"etcd", func(tb testing.TB, _ *redistest.Server) (driver.Driver, error) {
		tb.Helper()
		return rivals.NewEtcd(etcdtest.Start(tb, 1).Client(tb)), nil
	}},
}

func (r rival) on(server *redistest.Server) func(testing.TB) driver.Driver {
	return func(tb testing.TB) driver.Driver {
		tb.Helper()
		server.Do("FLUSHALL")
		d, err := r.open(tb, server)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { d.Close() })
		return d
	}
}

// TestRivalsCompareExactly: a rival that does less than it should is no measure.
func TestRivalsCompareExactly(t *testing.T) {
	server := redistest.Start(t)
	at := func(commit, prepare uint64) checkpoint.Position {
		return checkpoint.Position{Commit: commit, Prepare: prepare}
	}
	for _, r := range all {
		t.Run(r.name, func(t *testing.T) {
			store := checkpoint.New(r.on(server)(t), nil)
			for _, step := range []struct {
				p  checkpoint.Position
				ok bool
			}{
				{at(9, 0), true},
				{at(10, 0), true},
				{at(9, 5), false},
				{at(10, 0), true},
				{at(12345678901234567890, 7), true},
				{at(12345678901234567889, 9), false},
				{at(12345678901234567890, 6), false},
				{at(12345678901234567890, 10), true},
			} {
				if ok, err := store.SetIfNewer(t.Context(), "k", step.p); err != nil || ok != step.ok {
					t.Errorf("SetIfNewer of %s is %v, %v; want %v", step.p, ok, err, step.ok)
				}
			}
			if _, err := store.Apply(t.Context(),
				checkpoint.Write{Key: "k", Mark: checkpoint.Mark{Position: at(1, 1)}, IfNewer: true}, checkpoint.Write{Key: "new", Mark: checkpoint.Mark{Position: at(1, 1)}, IfNewer: true},
			); err != nil {
				t.Error(err)
			}
			found, err := checkpoint.Collect(store.GetAll(t.Context(), "*"))
			if err != nil || len(found) != 2 || found["k"].Position != at(12345678901234567890, 10) || found["new"].Position != at(1, 1) {
				t.Errorf("GetAll found %v, %v", found, err)
			}
			if n, err := store.Clear(t.Context(), "*"); n != 2 || err != nil {
				t.Errorf("Clear removed %d, %v; want 2", n, err)
			}
		})
	}
}
