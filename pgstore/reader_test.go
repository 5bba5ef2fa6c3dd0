package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// A counter counts the statements of Get, and the usual ones of Write.
type counter struct{ gets, usual atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	c.count(q.SQL)
	return ctx
}

func (c *counter) count(sql string) {
	switch {
	case strings.Contains(sql, "AS replica"):
		c.gets.Add(1)
	case strings.Contains(sql, "log_id = CASE WHEN"):
		c.usual.Add(1)
	}
}

func (*counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (*counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (c *counter) TraceBatchQuery(_ context.Context, _ *pgx.Conn, q pgx.TraceBatchQueryData) {
	c.count(q.SQL)
}

func (*counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// counted returns a driver whose statements are counted.
func counted(t *testing.T, url string, opts *pgstore.Options) (*pgstore.Driver, *counter) {
	t.Helper()
	c := new(counter)
	d, err := pgstore.New(newPool(t, url, func(config *pgxpool.Config) { config.ConnConfig.Tracer = c }), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, c
}

// Reads that wait share a statement, and each gets the answer about its own keys.
func TestWaitingReadsShareStatements(t *testing.T) {
	url := newDatabase(t)
	d, counter := counted(t, url, nil)
	for i := range 50 {
		put(t, d, fmt.Sprint("k", i), uint64(i+1))
	}
	put(t, d, "damaged", 1)
	execute(t, url, "ALTER TABLE checkpoint.checkpoints ALTER log_id DROP NOT NULL",
		"UPDATE checkpoint.checkpoints SET log_id = NULL WHERE key = 'damaged'")
	on := lockTable(t, url, "checkpoints")
	var all sync.WaitGroup
	read := func(keys ...string) {
		all.Go(func() { wantFound(t, d, keys...) })
	}
	for range 2 {
		read("k0")
	}
	waitForLocks(t, url, 2)
	ended, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := d.Get(ended, []string{"k1"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a Get that waits for too long: %v", err)
	}
	for i := range 50 {
		read(fmt.Sprint("k", i), "missing", "damaged", fmt.Sprint("k", i))
		read("missing")
		read("damaged")
	}
	time.Sleep(50 * time.Millisecond) // until they wait
	if err := on.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	if n := counter.gets.Load(); n > 20 {
		t.Errorf("152 reads at the same time took %d statements", n)
	}
}

// wantFound reads keys: "missing", "damaged" and "kN", which is at N+1.
func wantFound(t *testing.T, d driver.Driver, keys ...string) {
	t.Helper()
	records, err := d.Get(t.Context(), keys)
	if err != nil || len(records) != len(keys) {
		t.Errorf("Get %q: %v, %v", keys, records, err)
		return
	}
	for i, r := range records {
		n := uint64(0)
		switch keys[i] {
		case "missing":
			err = driver.ErrNotFound
		case "damaged":
			err = driver.ErrCorruptCheckpoint
		default:
			err = nil
			_, _ = fmt.Sscanf(keys[i], "k%d", &n)
			n++
		}
		if r.Key != keys[i] || !errors.Is(r.Err, err) || r.Position.Commit != n {
			t.Errorf("%q: %+v, want %d, %v", keys[i], r, n, err)
		}
	}
}
