package sqlitestore

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// TestWriterForgetsWhatWasRolledBack: the next write is not held against a
// position that was never stored.
func TestWriterForgetsWhatWasRolledBack(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "checkpoints.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	at := func(commit uint64) driver.Write {
		return driver.Write{
			Key: "k", Mode: driver.IfNewer, Mark: driver.Mark{Position: driver.Position{Commit: commit}, UpdatedAt: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)},
		}
	}
	why := errors.New("the test's reason")
	e := d.writer.do(t.Context(), 1, func(tx *transaction) error {
		w := at(9)
		_, err := tx.write(&w)
		return errors.Join(err, why)
	})
	if !errors.Is(e.err, why) || e.unknown {
		t.Fatalf("a job that fails: %+v", e)
	}
	results, err := d.Write(t.Context(), []driver.Write{at(5)})
	if err != nil || results[0].Outcome != driver.Advanced {
		t.Errorf("Write after the rollback: %+v, %v; want Advanced", results, err)
	}
}

// TestWriterStoresWhatIsNotThere: what is written is stored, even if the writer
// were wrong about what is.
func TestWriterStoresWhatIsNotThere(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "checkpoints.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	e := d.writer.do(t.Context(), 1, func(tx *transaction) error {
		tx.known.put("k", driver.StoredCheckpoint{Exists: true, Mark: driver.Mark{Position: driver.Position{Commit: 5}}})
		_, err := tx.write(&driver.Write{
			Key: "k", Mode: driver.IfNewer, Mark: driver.Mark{Position: driver.Position{Commit: 9}, UpdatedAt: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)},
		})
		return err
	})
	if e.err != nil {
		t.Fatal(e.err)
	}
	records, err := d.Get(t.Context(), []string{"k"})
	if err != nil || records[0].Err != nil || records[0].Position.Commit != 9 {
		t.Errorf("Get of what was written: %+v, %v", records, err)
	}
}
