package soak

import (
	"context"
	"database/sql"
	"flag"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

var soak = flag.Duration("soak", 20*time.Second, "how long everything runs")

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// TestSoak compares what is in use in the first third of the time with the
// last, and what is left when everything is closed with what was before.
func TestSoak(t *testing.T) {
	redis.SetLogger(silent{})
	server := redistest.Start(t)
	goroutinesBefore, handlesBefore := runtime.NumGoroutine(), handles(t)
	samples, all := runLoads(t, server)
	report, grown := growth(samples)
	t.Logf("%d samples in %v%s", len(samples), *soak, report)
	for _, g := range grown {
		t.Errorf("grown: %s", g)
	}
	for _, l := range all {
		t.Logf("%s worked %d times, and failed %d times: %v", l.name, l.worked.Load(), l.failed.Load(), l.why.Load())
		if l.idle() {
			t.Errorf("%s never worked: this proves nothing", l.name)
		}
	}
	// What ends needs a moment: a goroutine its last instructions, a connection
	// the kernel.
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > goroutinesBefore || handles(t) > handlesBefore || connections(t, server) > 1 {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("everything is closed, and %d goroutines are left of %d before, %d file handles of %d, %d connections:\n%s",
				runtime.NumGoroutine(), goroutinesBefore, handles(t), handlesBefore, connections(t, server)-1,
				stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// runLoads runs all loads on both engines for as long as the flag says.
func runLoads(t *testing.T, server *redistest.Server) ([]sample, []*load) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// The pool is full from the start: else it would grow to its limit in its own time.
	const pool = 20
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), PoolSize: pool, MinIdleConns: pool})
	defer client.Close()
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	file, err := sqlitestore.Open(ctx, path, &sqlitestore.Options{BusyTimeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var all []*load
	var wg sync.WaitGroup
	d, err := redisstore.New(client, &redisstore.Options{Namespace: "soak:"})
	if err != nil {
		t.Fatal(err)
	}
	for _, store := range []*checkpoint.Store{
		checkpoint.New(d, nil),
		checkpoint.New(file, nil),
	} {
		defer store.Close()
		for _, l := range loads() {
			all = append(all, l)
			wg.Go(func() {
				if err := l.run(ctx, store); err != nil {
					t.Error(err)
					cancel()
				}
			})
		}
	}
	for _, disturb := range []func(context.Context, string) error{lockAgainAndAgain, openAgainAndAgain} {
		wg.Go(func() {
			if err := disturb(ctx, path); err != nil {
				t.Error(err)
				cancel()
			}
		})
	}
	wg.Go(func() {
		defer cancel()
		pause(ctx, *soak)
		// A disk that is slow, beside other tests, needs longer for what is locked again and again.
		for extra := 0; extra < 300 && ctx.Err() == nil && slices.ContainsFunc(all, (*load).idle); extra++ {
			pause(ctx, 200*time.Millisecond)
		}
	})
	samples := sampleAndRestart(ctx, t, server)
	wg.Wait()
	wantIdle(t, client)
	return samples, all
}

// wantIdle wants each connection back in the pool, once what was called off has
// had its answer: one that is not would be hidden by the pool's limit.
func wantIdle(t *testing.T, client *redis.Client) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		stats := client.PoolStats()
		if stats.IdleConns == stats.TotalConns {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%d of %d connections were not given back", stats.TotalConns-stats.IdleConns, stats.TotalConns)
			return
		}
	}
}

// sampleAndRestart samples until ctx ends, and kills the server now and then.
func sampleAndRestart(ctx context.Context, t *testing.T, server *redistest.Server) (samples []sample) {
	t.Helper()
	const every, restart = 200 * time.Millisecond, 10
	for n := 1; ctx.Err() == nil; n++ {
		if n%restart == 0 {
			server.Kill()
			pause(ctx, 200*time.Millisecond)
			server.Restart()
			// Its connections come back.
			pause(ctx, every)
			continue
		}
		samples = append(samples, take(t, server))
		pause(ctx, every)
	}
	if len(samples) < 9 {
		t.Fatalf("%d samples tell nothing: let it run for longer", len(samples))
	}
	return samples
}

// lockAgainAndAgain holds the file's lock for longer than its users wait.
func lockAgainAndAgain(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer db.Close()
	for ctx.Err() == nil {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			pause(ctx, 10*time.Millisecond)
			continue
		}
		pause(ctx, 200*time.Millisecond)
		_ = tx.Rollback()
		pause(ctx, time.Second)
	}
	return nil
}

// openAgainAndAgain is another process's part, as far as SQLite can tell.
func openAgainAndAgain(ctx context.Context, path string) error {
	for ctx.Err() == nil {
		d, err := sqlitestore.Open(ctx, path, nil)
		if err == nil {
			store := checkpoint.New(d, nil)
			_ = store.Set(ctx, "other", checkpoint.Position{Commit: 1}) // fails where the file is locked
			err = store.Close()
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		pause(ctx, 50*time.Millisecond)
	}
	return nil
}
