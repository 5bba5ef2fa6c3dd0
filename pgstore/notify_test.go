package pgstore_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

func leaseEnds(t *testing.T, d driver.Driver, keys ...string) <-chan struct{} {
	t.Helper()
	c, err := driver.LeaseEnds(t.Context(), d, keys)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wakes waits until c receives a value.
func wakes(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case _, ok := <-c:
		if !ok {
			t.Fatalf("%s: the channel is closed", what)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: nobody is woken", what)
	}
}

// listeners is how many sessions of the database listen.
func listeners(t *testing.T, url string) string {
	t.Helper()
	return pgtest.Shared(t).SQLAt(url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
}

func TestWaitersShareAConnection(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	ctx, cancel := context.WithCancel(t.Context())
	for _, key := range []string{"a", "b", "c"} {
		c, err := d.LeaseEnds(ctx, []string{key})
		if err != nil {
			t.Fatal(err)
		}
		wakes(t, c, key)
	}
	if n := listeners(t, url); n != "1" {
		t.Errorf("%s sessions listen for three keys, want 1", n)
	}
	cancel()
	for deadline := time.Now().Add(30 * time.Second); listeners(t, url) != "0"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a session listens while nobody waits")
		}
	}
	wakes(t, leaseEnds(t, d, "a"), "who comes later")
}

func TestWaiterIsWokenAfterABrokenConnection(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	l := lease(t, d, "k")
	c := leaseEnds(t, d, "k")
	wakes(t, c, "first")
	execute(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
	wakes(t, c, "a connection that was ended")
	if err := checkpoint.New(d, nil).Release(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	wakes(t, c, "Release")
}

// A lease that a transaction ends wakes others at its commit, and not before. Nobody is
// woken for another namespace.
func TestOnTxWakesAtTheCommit(t *testing.T) {
	url := newDatabase(t)
	d, other := open(t, url, nil), open(t, url, &pgstore.Options{Namespace: "other"})
	lease(t, d, "k")
	lease(t, other, "k")
	c, elsewhere := leaseEnds(t, d, "k"), leaseEnds(t, other, "k")
	wakes(t, c, "first")
	wakes(t, elsewhere, "first")
	err := pgx.BeginFunc(t.Context(), newPool(t, url), func(on pgx.Tx) error {
		_, err := storeOn(t, on).Rewind(t.Context(), "k", checkpoint.Position{Commit: 1})
		if len(c) > 0 {
			t.Error("a waiter is woken before the commit")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wakes(t, c, "the commit")
	if len(elsewhere) > 0 {
		t.Error("a waiter of another namespace is woken")
	}
}

// Behind PgBouncer nobody hears a notification. Everything else works, and the log says
// so.
func TestNobodyListensBehindAPooler(t *testing.T) {
	server := pgtest.Start(t)
	var log bytes.Buffer
	url := pgtest.StartBouncer(t, server).URL("postgres") + "&default_query_exec_mode=exec"
	d := open(t, url, &pgstore.Options{AutoMigrate: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	put(t, d, "k", 1)
	for range leaseEnds(t, d, "k") {
		t.Error("a waiter is woken")
	}
	if _, err := d.LeaseEnds(t.Context(), []string{"k"}); !errors.Is(err, driver.ErrUnsupported) {
		t.Errorf("LeaseEnds: %v, want ErrUnsupported", err)
	}
	if n := strings.Count(log.String(), "level=INFO"); n != 1 {
		t.Errorf("the log has %d lines, want 1:\n%s", n, log.String())
	}
	l := lease(t, d, "k")
	if err := checkpoint.New(d, nil).Release(t.Context(), l); err != nil {
		t.Error(err)
	}
}
