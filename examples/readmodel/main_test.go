package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/subscription"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Check(pgtest.Sharing(m)).Run()) }

// A world is the log and the read model, in a database each.
type world struct {
	*testing.T
	server        *pgtest.Server
	source, model string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := pgtest.Shared(t)
	w := &world{t, s, "", s.NewDatabase()}
	w.newSource()
	w.server.SQLAt(w.model, "CREATE TABLE revenue (customer text PRIMARY KEY, orders bigint NOT NULL, cents bigint NOT NULL)")
	return w
}

// newSource makes another log.
func (w *world) newSource() {
	w.Helper()
	schema, err := os.ReadFile("orders.sql")
	if err != nil {
		w.Fatal(err)
	}
	w.source = w.server.NewDatabase()
	w.server.SQLAt(w.source, string(schema))
}

func (w *world) order(n string) {
	w.Helper()
	w.server.SQLAt(w.source, "INSERT INTO orders (customer, cents) SELECT 'c' || n % 3, n FROM generate_series(1, "+n+") AS n")
}

func (w *world) revenue() string {
	w.Helper()
	return w.server.SQLAt(w.model, "SELECT coalesce(sum(orders), 0) || ' orders, ' || coalesce(sum(cents), 0) || ' cents' FROM revenue")
}

// start runs an instance until it is stopped.
func (w *world) start(firstRun bool) (stop func()) {
	ctx, cancel := context.WithCancel(w.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := run(ctx, w.source, w.model, firstRun); err != nil && !errors.Is(err, context.Canceled) {
			w.Error(err)
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

func (w *world) wants(revenue string) {
	w.Helper()
	for deadline := time.Now().Add(30 * time.Second); w.revenue() != revenue; time.Sleep(10 * time.Millisecond) {
		if w.Failed() || time.Now().After(deadline) {
			w.Fatalf("the read model has %s, want %s", w.revenue(), revenue)
		}
	}
}

func TestEveryOrderIsCountedOnce(t *testing.T) {
	w := newWorld(t)
	w.order("100")
	stop := w.start(true)
	w.wants("100 orders, 5050 cents")
	standby := w.start(false)
	w.order("10")
	w.wants("110 orders, 5105 cents")
	stop()
	w.order("10")
	w.wants("120 orders, 5160 cents")
	standby()
}

// The checkpoint of one log says nothing about another one.
func TestOrdersOfAnotherDatabase(t *testing.T) {
	w := newWorld(t)
	w.order("10")
	stop := w.start(true)
	w.wants("10 orders, 55 cents")
	stop()
	w.newSource()
	w.order("10")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := run(ctx, w.source, w.model, false); !errors.Is(err, subscription.ErrOtherLog) {
		t.Errorf("the orders of another database: %v; want ErrOtherLog", err)
	}
}

// A process that is stopped within a transaction does not keep its locks.
func TestTransactionThatStandsStillEnds(t *testing.T) {
	w := newWorld(t)
	m, err := openModel(t.Context(), w.model, true)
	if err != nil {
		t.Fatal(err)
	}
	defer m.pool.Close()
	w.server.SQLAt(w.model, "ALTER TABLE revenue ADD CHECK (current_setting('idle_in_transaction_session_timeout') = '5s')")
	o := order{checkpoint.Position{Commit: 7, Prepare: 1}, "c", 5}
	if err := m.apply(t.Context(), o, 0, "log"); err != nil {
		t.Errorf("an order without a limit to the idle time: %v", err)
	}
}

// An order that is applied again has no second effect, and one under an old epoch none.
func TestOrderThatIsAppliedAgain(t *testing.T) {
	w := newWorld(t)
	m, err := openModel(t.Context(), w.model, true)
	if err != nil {
		t.Fatal(err)
	}
	defer m.pool.Close()
	o := order{checkpoint.Position{Commit: 7, Prepare: 1}, "c", 5}
	for range 2 {
		if err := m.apply(t.Context(), o, 2, "log"); err != nil {
			t.Fatal(err)
		}
	}
	o.position.Prepare++
	if err := m.apply(t.Context(), o, 1, "log"); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("an order under an old epoch: %v", err)
	}
	if got := w.revenue(); strings.TrimSpace(got) != "1 orders, 5 cents" {
		t.Errorf("the read model has %s", got)
	}
	if got := w.server.SQLAt(w.model, "SELECT log_id FROM checkpoint.checkpoints"); got != "log" {
		t.Errorf("the checkpoint is of the log %q", got)
	}
}
