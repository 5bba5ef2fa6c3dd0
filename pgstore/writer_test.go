package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

func ifNewer(key string, commit uint64) driver.Write {
	return driver.Write{
		Key: key, Mode: driver.IfNewer,
		Mark: driver.Mark{Position: driver.Position{Commit: commit}, UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)},
	}
}

func set(key string, commit uint64) driver.Write {
	w := ifNewer(key, commit)
	w.Mode = driver.Set
	return w
}

// write makes one write, and answers its result.
func write(ctx context.Context, d driver.Driver, w driver.Write) driver.Result {
	results, err := d.Write(ctx, []driver.Write{w})
	if err != nil {
		return driver.Result{Err: err}
	}
	return results[0]
}

// locks begins a transaction of somebody else's that locks the checkpoint of key.
func locks(t *testing.T, url, key string) pgx.Tx {
	t.Helper()
	on, err := newPool(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { on.Rollback(context.WithoutCancel(t.Context())) })
	lock(t, on, key)
	return on
}

func lock(t *testing.T, on pgx.Tx, key string) {
	t.Helper()
	if _, err := on.Exec(t.Context(), "SELECT FROM checkpoint.checkpoints WHERE key = $1 FOR UPDATE", key); err != nil {
		t.Fatal(err)
	}
}

// waitsForLock waits until a session of the database waits for a lock.
func waitsForLock(t *testing.T, url string) {
	t.Helper()
	waitForLocks(t, url, 1)
}

// waitForLocks waits until so many sessions of the database wait for a lock.
func waitForLocks(t *testing.T, url string, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text := pgtest.Shared(t).SQLAt(url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
		if wait, err := strconv.Atoi(text); err == nil && wait >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s sessions wait for a lock, want %d", text, n)
		}
	}
}

// Whoever waits for a lock that somebody else holds returns when its context ends, and
// does not hold up those who write other keys.
func TestLockedRowHoldsUpItsWritersAlone(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	put(t, d, "locked", 1)
	put(t, d, "free", 1)
	on := locks(t, url, "locked")
	for i, w := range []driver.Write{ifNewer("locked", 2), set("locked", 2)} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		r := write(ctx, d, w)
		cancel()
		if r.Outcome == driver.Advanced || !errors.Is(r.Err, context.DeadlineExceeded) {
			t.Errorf("a write of the locked row is %v, %v", r.Outcome, r.Err)
		}
		put(t, d, "free", 2+uint64(i))
	}
	if err := on.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, d, "locked", 3)
}

// A change that no transaction has taken yet is taken back.
func TestWaitingWriteIsWithdrawn(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	keys := []string{"a", "b", "c"}
	for _, key := range keys {
		put(t, d, key, 1)
	}
	var held []pgx.Tx
	var stuck sync.WaitGroup
	for i, key := range keys[:2] {
		held = append(held, locks(t, url, key))
		stuck.Go(func() { write(t.Context(), d, ifNewer(key, 2)) })
		waitForLocks(t, url, i+1)
	}
	withdrawn := 0
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		switch r := write(ctx, d, ifNewer("c", 2)); r.Outcome {
		case driver.Failed:
			withdrawn++
		case driver.Unknown, driver.Advanced:
		default:
			t.Errorf("the write is %v, %v", r.Outcome, r.Err)
		}
		cancel()
	}
	for _, on := range held {
		on.Rollback(t.Context())
	}
	stuck.Wait()
	if withdrawn == 0 {
		t.Error("no write was withdrawn")
	}
}

// PostgreSQL ends one of the transactions that wait for each other. It had no effect,
// and runs again.
func TestDeadlockIsTriedAgain(t *testing.T) {
	for name, change := range map[string]func(string, uint64) driver.Write{"usual": ifNewer, "other": set} {
		t.Run(name, func(t *testing.T) {
			url := newDatabase(t)
			d := open(t, with(url, "deadlock_timeout=5000"), nil) // a session looks for deadlocks once
			put(t, d, "a", 1)
			put(t, d, "b", 1)
			on := locks(t, url, "b")
			// The driver's session looks for deadlocks first.
			if _, err := on.Exec(t.Context(), "SET deadlock_timeout = '1min'"); err != nil {
				t.Fatal(err)
			}
			done := writesAll(d, change("a", 2), change("b", 2))
			waitsForLock(t, url)
			lock(t, on, "a")
			if err := on.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if n := pgtest.Shared(t).SQLAt(url, "SELECT deadlocks > 0 FROM pg_stat_database WHERE datname = current_database()"); n != "t" {
				t.Log("no deadlock is counted yet")
			}
		})
	}
}

// writesAll writes in the background, and wants each write to advance.
func writesAll(d driver.Driver, writes ...driver.Write) chan error {
	done := make(chan error, 1)
	go func() {
		results, err := d.Write(context.Background(), writes)
		for _, r := range results {
			if r.Outcome != driver.Advanced {
				err = errors.Join(err, fmt.Errorf("%v: %w", r.Outcome, r.Err))
			}
		}
		done <- err
	}()
	return done
}

// Under an isolation level that refuses transactions, they run again.
func TestSerializationFailuresAreTriedAgain(t *testing.T) {
	url := newDatabase(t)
	execute(t, url, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()); END $$")
	var all sync.WaitGroup
	for i := range uint64(4) {
		d := open(t, url, nil)
		all.Go(func() {
			for n := range uint64(25) {
				if r := write(t.Context(), d, ifNewer("k", 4*n+i)); r.Err != nil {
					t.Error(r.Err)
				}
			}
		})
	}
	all.Wait()
	cp, err := checkpoint.New(open(t, url, nil), nil).Get(t.Context(), "k")
	if err != nil || cp.Position.Commit != 99 {
		t.Errorf("the highest position is %v, %v", cp.Position, err)
	}
}

// Nobody can tell whether a write has landed whose connection was lost.
func TestLostConnectionIsUnknown(t *testing.T) {
	for name, w := range map[string]driver.Write{"usual": ifNewer("k", 2)} {
		t.Run(name, func(t *testing.T) {
			url := newDatabase(t)
			d := open(t, url, nil)
			put(t, d, "k", 1)
			on := locks(t, url, "k")
			done := make(chan driver.Result, 1)
			go func() { done <- write(context.Background(), d, w) }()
			waitsForLock(t, url)
			execute(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
			if r := <-done; r.Outcome != driver.Unknown || r.Err == nil {
				t.Errorf("the write is %v, %v", r.Outcome, r.Err)
			}
			on.Rollback(t.Context())
			put(t, d, "k", 3)
		})
	}
}

// A transaction that is lost before its commit is sent has certainly had no effect.
func TestLostBeforeTheCommitIsFailed(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	put(t, d, "k", 1)
	on := locks(t, url, "k")
	defer on.Rollback(t.Context())
	done := make(chan driver.Result, 1)
	go func() { done <- write(context.Background(), d, set("k", 2)) }()
	waitsForLock(t, url)
	execute(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
	if r := <-done; r.Outcome != driver.Failed || r.Err == nil {
		t.Errorf("the write is %v, %v", r.Outcome, r.Err)
	}
}

// A server that does not answer holds up neither a call whose context ends, nor Close.
func TestServerThatDoesNotAnswer(t *testing.T) {
	server := pgtest.Start(t)
	url := server.URL("postgres")
	d := open(t, url, &pgstore.Options{AutoMigrate: true})
	put(t, d, "k", 1)
	defer pause(t, server, url)()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if r := write(ctx, d, ifNewer("k", 2)); !errors.Is(r.Err, context.DeadlineExceeded) {
		t.Errorf("Write: %v", r.Err)
	}
	if _, err := d.Get(ctx, []string{"k"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Get: %v", err)
	}
	background := context.Background()
	var under sync.WaitGroup
	for name, call := range map[string]func() error{
		"Write": func() error { return write(background, d, ifNewer("k", 3)).Err },
		"Get":   func() error { _, err := d.Get(background, []string{"k"}); return err },
		"Scan": func() (last error) {
			for _, err := range d.Scan(background, "*", 1) {
				last = err
			}
			return last
		},
		"Inspect": func() error { _, err := d.Inspect(background, []string{"k"}); return err },
		"Acquire": func() error {
			results, err := d.Acquire(background, []driver.Lease{{Key: "k", Owner: "a", TTL: time.Minute}})
			return errors.Join(append([]error{err}, leaseErrors(results)...)...)
		},
		"Report": func() error {
			_, err := d.Report(background, []driver.Report{{Key: "k", Instance: "a", Text: "{}", TTL: time.Minute}})
			return err
		},
		"Reports":  func() error { _, err := d.Reports(background, []string{"k"}); return err },
		"History":  func() error { _, err := d.History(background, "k", 1); return err },
		"Samples":  func() error { _, err := d.Samples(background, "k"); return err },
		"Warnings": func() error { _, err := d.Warnings(background); return err },
	} {
		under.Go(func() {
			if err := call(); !errors.Is(err, driver.ErrClosed) {
				t.Errorf("%s at Close: %v", name, err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	under.Wait()
}

func leaseErrors(results []driver.LeaseResult) (all []error) {
	for _, r := range results {
		all = append(all, r.Err)
	}
	return all
}

// pause stops the server and its sessions, which are process groups of their own.
func pause(t *testing.T, server *pgtest.Server, url string) (resume func()) {
	t.Helper()
	var sessions []int
	for line := range strings.FieldsSeq(server.SQLAt(url, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, pid)
	}
	signal := func(sig syscall.Signal) {
		for _, pid := range sessions {
			_ = syscall.Kill(pid, sig)
		}
	}
	server.Pause()
	signal(syscall.SIGSTOP)
	return func() {
		signal(syscall.SIGCONT)
		server.Resume()
	}
}

// Calls that come while transactions run go together.
func TestWaitingWritesShareTransactions(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	put(t, d, "k", 1)
	before := transactions(t, url)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			for n := range uint64(5) {
				if r := write(t.Context(), d, ifNewer(fmt.Sprint(i), n)); r.Outcome != driver.Advanced {
					t.Errorf("%v: %v", r.Outcome, r.Err)
				}
			}
		})
	}
	all.Wait()
	d.Close()
	if n := transactions(t, url) - before; n > 500 {
		t.Errorf("1000 writes of 200 callers took %d transactions", n)
	}
}

func transactions(t *testing.T, url string) (n int) {
	t.Helper()
	text := pgtest.Shared(t).SQLAt(url, "SELECT pg_stat_clear_snapshot(); SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
	if _, err := fmt.Sscan(strings.TrimSpace(text), &n); err != nil {
		t.Fatal(err)
	}
	return n
}
