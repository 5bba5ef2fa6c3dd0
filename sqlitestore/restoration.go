package sqlitestore

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// A restoration replaces the content of a store, on a connection that nobody else
// shares.
type restoration struct {
	conn *sql.Conn
	*transaction
	from string // the schema of the copy
	by   driver.By
	done Restored
}

// newRestoration takes the content of the schema from for that of the schema main. If both
// are one, the store is gone.
func newRestoration(ctx context.Context, conn *sql.Conn, from string) *restoration {
	on := &transaction{statements: &statements{on: conn}, now: time.Now()}
	return &restoration{conn: conn, transaction: on, from: from, by: driver.ByOf(ctx)}
}

// lost reports whether the epochs granted since the copy was made are unknown.
func (r *restoration) lost() bool { return r.from == "main" }

// ungranted is more than the number of epochs that anybody can have been
// granted.
const ungranted = 1 << 32

func (r *restoration) run(ctx context.Context) (Restored, error) {
	defer r.statements.close()
	err := within(ctx, r.conn, "BEGIN EXCLUSIVE", func() error {
		if err := r.noteEpochs(); err != nil {
			return err
		}
		if err := r.restoreAll(ctx); err != nil {
			return err
		}
		for _, query := range r.replace() {
			if err := r.exec(query); err != nil {
				return err
			}
		}
		return r.scan([]any{&r.done.Checkpoints}, "SELECT count(*) FROM main.checkpoints")
	})
	return r.done, err
}

// noteEpochs notes every epoch that a key has seen, as text, since it may be
// damaged.
func (r *restoration) noteEpochs() error {
	schemas := []string{"main"}
	if !r.lost() {
		schemas = append(schemas, r.from)
	}
	if err := r.exec("CREATE TEMP TABLE seen (key TEXT, epoch TEXT)"); err != nil {
		return err
	}
	for _, schema := range schemas {
		for _, table := range []string{"checkpoints", "fences", "leases"} {
			if err := r.exec("INSERT INTO temp.seen SELECT key, epoch FROM " + schema + "." + table); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace returns the statements that end every lease and replace every checkpoint, damaged
// ones too.
func (r *restoration) replace() []string {
	queries := []string{"DELETE FROM main.leases"}
	if !r.lost() {
		queries = append(queries, "DELETE FROM main.checkpoints",
			"INSERT INTO main.checkpoints ("+columns+") SELECT "+columns+" FROM "+r.from+".checkpoints")
	}
	return queries
}

// restoreAll restores each key that the store or the copy has.
func (r *restoration) restoreAll(ctx context.Context) error {
	rows, err := r.conn.QueryContext(ctx, "SELECT key, epoch FROM temp.seen ORDER BY key")
	if err != nil {
		return err
	}
	defer rows.Close()
	var key string
	var of seen
	for rows.Next() {
		var next string
		var epoch sql.NullString
		if err := rows.Scan(&next, &epoch); err != nil {
			return err
		}
		if next != key {
			if err := r.restore(key, of); err != nil {
				return err
			}
			key, of = next, seen{unknown: r.lost()}
		}
		of.add(epoch)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return r.restore(key, of)
}

// seen is the known part of a key's epochs.
type seen struct {
	highest uint64
	unknown bool // whether there may be a higher epoch
}

func (s *seen) add(epoch sql.NullString) {
	if !epoch.Valid {
		return
	}
	n, ok := decodeNumber(epoch.String)
	s.highest, s.unknown = max(s.highest, n), s.unknown || !ok
}

// restore raises the fence of key above every epoch that the key has seen, and leaves an
// audit entry. The checkpoint is still the former one.
func (r *restoration) restore(key string, of seen) error {
	before, err := r.load(key, fences|leases)
	if err != nil {
		return err
	}
	after := cell.Cell{Key: key}
	if after.Checkpoint, err = r.copied(key); err != nil {
		return err
	}
	if after.Fence, err = r.raised(key, of); err != nil {
		return err
	}
	if after.Fence != before.Fence {
		if err := r.storeFence(key, after.Fence); err != nil {
			return err
		}
	}
	if r.lost() {
		before = cell.Cell{Key: key}
	}
	return r.note(key, cell.RestoreEntry(before, after, r.by, r.now))
}

// copied returns the checkpoint at key in the copy.
func (r *restoration) copied(key string) (driver.StoredCheckpoint, error) {
	var found row
	there, err := r.find(found.fields(), "SELECT "+columns+" FROM "+r.from+".checkpoints WHERE key = ?", key)
	if err != nil || !there {
		return driver.StoredCheckpoint{}, err
	}
	return found.stored(), nil
}

func (r *restoration) raised(key string, of seen) (driver.Fence, error) {
	var atLeast uint64
	if of.unknown {
		atLeast = math.MaxUint64 - 1
		if of.highest < atLeast-ungranted {
			atLeast = of.highest + ungranted
		}
	}
	before := cell.Cell{Key: key, Fence: driver.Fence{Epoch: of.highest}}
	after, _, err := before.RaiseFence(atLeast, r.now)
	if err != nil {
		return driver.Fence{}, fmt.Errorf("key %q: %w", key, err)
	}
	if after.Fence != before.Fence {
		r.done.Fences++
	}
	return after.Fence, nil
}
