package pgstore_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// A change that waits for a checkpoint has looked for the fence before. Meanwhile another
// transaction raises the first fence. The checkpoint without the fence would look damaged.
func TestFenceThatComesMeanwhile(t *testing.T) {
	for name, rewind := range map[string]func(url string) (checkpoint.Checkpoint, error){
		"Open": func(url string) (checkpoint.Checkpoint, error) {
			return checkpoint.New(open(t, url, nil), nil).Rewind(t.Context(), "k", checkpoint.Position{})
		},
		"OnTx": func(url string) (cp checkpoint.Checkpoint, err error) {
			err = pgx.BeginFunc(t.Context(), newPool(t, url), func(tx pgx.Tx) error {
				d, err := pgstore.OnTx(tx, nil)
				if err == nil {
					cp, err = checkpoint.New(d, nil).Rewind(t.Context(), "k", checkpoint.Position{})
				}
				return err
			})
			return cp, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := newDatabase(t)
			put(t, open(t, url, nil), "k", 1)
			first := locks(t, url, "k")
			for _, s := range []string{
				"INSERT INTO checkpoint.checkpoint_fences (namespace, key, epoch, raised_at) VALUES ('', 'k', 1, now())",
				"UPDATE checkpoint.checkpoints SET epoch = 1",
			} {
				if _, err := first.Exec(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
			answers := make(chan error, 1)
			go func() {
				cp, err := rewind(url)
				if err == nil && cp.Epoch != 2 {
					err = fmt.Errorf("the epoch is %d, want 2", cp.Epoch)
				}
				answers <- err
			}()
			waitsForLock(t, url)
			if err := first.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-answers; err != nil {
				t.Error(err)
			}
		})
	}
}

// A process that is cut off between the statements of a transaction keeps no lock for long.
func TestCutOffWithinATransaction(t *testing.T) {
	url := newDatabase(t)
	put(t, open(t, url, nil), "k", 1)
	pool := newPool(t, url, func(config *pgxpool.Config) {
		config.ConnConfig.DialFunc = func(ctx context.Context, protocol, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, protocol, addr)
			return &cutOff{Conn: conn, at: "COMMIT\x00"}, err
		}
	})
	d, err := pgstore.New(pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	var under sync.WaitGroup
	under.Go(func() {
		if r := write(t.Context(), d, set("k", 2)); r.Outcome == driver.Advanced {
			t.Error("a write without a commit has advanced")
		}
	})
	idle := "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
	for pgtest.Shared(t).SQLAt(url, idle) == "0" {
		time.Sleep(5 * time.Millisecond)
	}
	put(t, open(t, url, nil), "k", 3)
	under.Wait()
}

// A cutOff connection loses everything from a text on.
type cutOff struct {
	net.Conn
	at   string
	lost bool
}

func (c *cutOff) Write(b []byte) (int, error) {
	c.lost = c.lost || bytes.Contains(b, []byte(c.at))
	if c.lost {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// A write by hand of a new key tells the fence in its audit entry. So if another transaction
// inserts the first fence meanwhile, the entry must not say that there was none.
func TestFirstFenceBesideAFirstWriteByHand(t *testing.T) {
	url := newDatabase(t)
	d, other := open(t, url, nil), open(t, url, nil)
	for i := range 300 {
		key := fmt.Sprint(i)
		var both sync.WaitGroup
		both.Go(func() {
			if r := write(t.Context(), d, set(key, 7)); r.Outcome != driver.Advanced {
				t.Errorf("Set: %+v", r)
			}
		})
		both.Go(func() {
			if _, err := other.RaiseFence(t.Context(), key, 5); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		entries, err := d.History(t.Context(), key, 9)
		if err != nil || len(entries) != 2 {
			t.Fatalf("History of %s: %+v, %v", key, entries, err)
		}
		if later, former := entries[0], entries[1]; later.OldEpoch != former.NewEpoch || (later.Old == nil) != (former.New == nil) {
			t.Errorf("the entry %+v does not follow the entry %+v", later, former)
		}
	}
}

// The first fence of a new key is under way, and its audit entry says that there is no
// checkpoint. So nobody may store one, and tell in an entry that there is no fence, before
// the fence is there.
func TestFirstFenceBesideAFirstCheckpoint(t *testing.T) {
	url := newDatabase(t)
	alone := func(config *pgxpool.Config) { config.MaxConns = 1 } // so that its statements are prepared
	d, err := pgstore.New(newPool(t, url, alone), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.RaiseFence(t.Context(), "another", 1); err != nil {
		t.Fatal(err)
	}
	other := open(t, url, nil)
	table := lockTable(t, url, "checkpoint_audit")
	var under sync.WaitGroup
	under.Go(func() {
		if _, err := d.RaiseFence(t.Context(), "k", 1); err != nil {
			t.Error(err)
		}
	})
	waitForLocks(t, url, 1)
	under.Go(func() {
		for _, w := range []driver.Write{ifNewer("k", 7), set("k", 5)} {
			if r := write(t.Context(), other, w); r.Outcome != driver.Advanced {
				t.Errorf("%+v: %+v", w, r)
			}
		}
	})
	waitForLocks(t, url, 2)
	if err := table.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	under.Wait()
	entries, err := d.History(t.Context(), "k", 9)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%+v, %v", entries, err)
	}
	if later, former := entries[0], entries[1]; former.Op != driver.AuditFence || later.OldEpoch != former.NewEpoch {
		t.Errorf("the entry %+v does not follow the entry %+v", later, former)
	}
}
