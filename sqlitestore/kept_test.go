package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

func writeAt(n uint64) driver.Write {
	return driver.Write{Key: "k", Mark: driver.Mark{Position: driver.Position{Commit: n}, UpdatedAt: time.Now().UTC()}}
}

// getKept reads "k" until the store answers from memory.
func getKept(t *testing.T, d *Driver) driver.Record {
	t.Helper()
	for range 100 {
		records, err := d.Get(t.Context(), []string{"k"})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := d.kept.get("k"); ok {
			return records[0]
		}
	}
	t.Fatal("the store keeps no checkpoint in memory")
	return driver.Record{}
}

// TestGetFromMemorySeesWhatOthersChange: after any change of the file, by any process, a Get
// reads the file.
func TestGetFromMemorySeesWhatOthersChange(t *testing.T) {
	d, path := openEmpty(t)
	other, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	db, err := sql.Open("sqlite", dsn(path, "_txlock=immediate", "_pragma=busy_timeout(5000)", "_pragma=ignore_check_constraints(1)"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	byHand := func(statement string) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		change func(*testing.T)
		want   uint64
		err    error
	}{
		"a write":         {func(t *testing.T) { t.Helper(); mustWrite(t, d, writeAt(7)) }, 7, nil},
		"another's write": {func(t *testing.T) { t.Helper(); mustWrite(t, other, writeAt(7)) }, 7, nil},
		"a transaction": {func(t *testing.T) {
			t.Helper()
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := OnTx(tx).Write(t.Context(), []driver.Write{writeAt(7)}); err != nil {
				t.Fatal(err)
			}
			if now := getKept(t, d); now.Position.Commit != 5 {
				t.Errorf("before COMMIT: %+v", now)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
		}, 7, nil},
		"a delete":         {byHand("DELETE FROM checkpoints"), 0, driver.ErrNotFound},
		"damage":           {byHand("UPDATE checkpoints SET commit_position = 'x'"), 0, driver.ErrCorrupt},
		"a moved log":      {byHand("PRAGMA wal_checkpoint(TRUNCATE)"), 5, nil},
		"VACUUM":           {byHand("VACUUM"), 5, nil},
		"damage elsewhere": {byHand("INSERT INTO leases VALUES ('k', '', 'x', 'x', 'x')"), 5, nil},
	} {
		t.Run(name, func(t *testing.T) {
			mustWrite(t, d, writeAt(5))
			if before := getKept(t, d); before.Err != nil || before.Position.Commit != 5 {
				t.Fatalf("before: %+v", before)
			}
			test.change(t)
			records, err := d.Get(t.Context(), []string{"k"})
			if err != nil || !errors.Is(records[0].Err, test.err) || records[0].Position.Commit != test.want {
				t.Errorf("Get: %+v, %v; want %d, %v", records, err, test.want, test.err)
			}
		})
	}
}

// TestGetFromMemoryExpires: nothing changes the file when a checkpoint expires.
func TestGetFromMemoryExpires(t *testing.T) {
	d, _ := openEmpty(t)
	w := writeAt(1)
	w.TTL = 300 * time.Millisecond
	mustWrite(t, d, w)
	for record := getKept(t, d); ; record = getKept(t, d) {
		if errors.Is(record.Err, driver.ErrNotFound) {
			return
		}
		if record.Err != nil || time.Now().After(record.ExpiresAt.Add(10*time.Second)) {
			t.Fatalf("%+v, and it is %v", record, time.Now())
		}
		time.Sleep(time.Millisecond)
	}
}

// TestGetFromMemoryAndClose: once the store is closed, its memory holds no shared memory to
// look at.
func TestGetFromMemoryAndClose(t *testing.T) {
	for range 20 {
		d, err := Open(t.Context(), filepath.Join(t.TempDir(), "checkpoints.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		mustWrite(t, d, writeAt(1))
		getKept(t, d)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					records, err := d.Get(context.WithoutCancel(t.Context()), []string{"k"})
					if errors.Is(err, driver.ErrClosed) {
						return
					}
					if err == nil && records[0].Err != nil {
						t.Errorf("%+v", records)
					}
				}
			})
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if _, ok := d.kept.now(); ok {
			t.Error("the store still looks at the shared memory")
		}
	}
}

// TestGetFromMemoryIsNeverOlder: no Get answers with less than what was written before it.
func TestGetFromMemoryIsNeverOlder(t *testing.T) {
	d, path := openEmpty(t)
	other, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	mustWrite(t, d, writeAt(1))
	var written atomic.Uint64
	written.Store(1)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(time.Duration(rand.N(100)) * time.Microsecond):
				}
				least := written.Load()
				records, err := d.Get(t.Context(), []string{"k"})
				if err != nil || records[0].Err != nil || records[0].Position.Commit < least {
					t.Errorf("Get: %+v, %v; %d was written before", records, err, least)
					return
				}
			}
		})
	}
	defer wg.Wait()
	defer close(done)
	for n := uint64(2); n < 100; n++ {
		mustWrite(t, []*Driver{d, other}[n%2], writeAt(n))
		written.Store(n)
		if n%3 == 0 {
			getKept(t, d)
		}
		time.Sleep(50 * time.Microsecond)
	}
}
