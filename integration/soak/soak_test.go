package soak

import (
	"context"
	"database/sql"
	"flag"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

var soak = flag.Duration("soak", 20*time.Second, "how long everything runs")

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// TestSoak compares what is in use in the first third of the time with the
// last, and what is left when everything is closed with what was before.
func TestSoak(t *testing.T) {
	redis.SetLogger(silent{})
	slog.SetDefault(slog.New(slog.DiscardHandler)) // servers that do not sync, and standbys that lose their connection
	at := startServers(t)
	before := at.take(t)
	samples, all := runLoads(t, at)
	report, grown := growth(samples)
	t.Logf("%d samples in %v%s", len(samples), *soak, report)
	for _, g := range grown {
		t.Errorf("grown: %s", g)
	}
	for _, l := range all {
		t.Logf("%s worked %d times, and failed %d times: %s", l.name, l.worked.Load(), l.failed.Load(), l.reason())
		if l.idle() {
			t.Errorf("%s never worked: this proves nothing", l.name)
		}
	}
	// What ends needs a moment: a goroutine its last instructions, a connection
	// the kernel.
	deadline := time.Now().Add(10 * time.Second)
	for {
		now := at.take(t)
		if now.goroutines <= before.goroutines && now.handles <= before.handles && now.connections <= before.connections {
			return
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("everything is closed, and %+v is left, %+v was before:\n%s", now, before, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// runLoads runs all loads on all engines for as long as the flag says.
func runLoads(t *testing.T, at *servers) ([]sample, []*load) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	var all []*load
	var wg sync.WaitGroup
	engines := at.engines(ctx, t, path)
	for _, e := range engines {
		defer e.end(t)
		for _, l := range loads(e.durable) {
			l.name = e.name + ": " + l.name
			all = append(all, l)
			wg.Go(func() {
				if err := l.run(ctx, e.store); err != nil {
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
	samples := sampleAndRestart(ctx, t, at)
	wg.Wait()
	for _, e := range engines {
		e.wantIdle(t)
	}
	return samples, all
}

// sampleAndRestart samples until ctx ends, and kills one server after the other.
func sampleAndRestart(ctx context.Context, t *testing.T, at *servers) (samples []sample) {
	t.Helper()
	const every, restart = 200 * time.Millisecond, 10
	all := at.all()
	for n := 1; ctx.Err() == nil; n++ {
		if n%restart == 0 {
			s := all[n/restart%len(all)]
			s.Kill()
			pause(ctx, 200*time.Millisecond)
			s.Restart()
			pause(ctx, time.Second) // its connections come back
			continue
		}
		samples = append(samples, at.take(t))
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
