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
	lost bool // whether the epochs granted since the copy was made are unknown
	done Restored
}

func newRestoration(conn *sql.Conn) *restoration {
	return &restoration{conn: conn, transaction: &transaction{statements: &statements{on: conn}, now: time.Now()}}
}

// ungranted is more than the number of epochs that anybody can have been
// granted.
const ungranted = 1 << 32

// run replaces the content of the schema main with the content of the last
// schema.
func (r *restoration) run(ctx context.Context, schemas ...string) (Restored, error) {
	defer r.statements.close()
	err := within(ctx, r.conn, "BEGIN EXCLUSIVE", func() error {
		if err := r.noteEpochs(schemas); err != nil {
			return err
		}
		for _, query := range r.replace(schemas[len(schemas)-1]) {
			if err := r.exec(query); err != nil {
				return err
			}
		}
		if err := r.scan([]any{&r.done.Checkpoints}, "SELECT count(*) FROM main.checkpoints"); err != nil {
			return err
		}
		return r.raiseAll(ctx)
	})
	return r.done, err
}

// noteEpochs notes every epoch that a key has seen, as text, since it may be
// damaged.
func (r *restoration) noteEpochs(schemas []string) error {
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

func (r *restoration) replace(from string) []string {
	queries := []string{"DELETE FROM main.leases", "DELETE FROM main.fences"}
	if from != "main" {
		queries = append(queries, "DELETE FROM main.checkpoints",
			"INSERT INTO main.checkpoints ("+columns+") SELECT "+columns+" FROM "+from+".checkpoints")
	}
	return queries
}

// raiseAll raises the fence of each key above every epoch that it has seen.
func (r *restoration) raiseAll(ctx context.Context) error {
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
			if err := r.raise(key, of); err != nil {
				return err
			}
			key, of = next, seen{unknown: r.lost}
		}
		of.add(epoch)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return r.raise(key, of)
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

func (r *restoration) raise(key string, of seen) error {
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
		return fmt.Errorf("key %q: %w", key, err)
	}
	if after.Fence == before.Fence {
		return nil
	}
	r.done.Fences++
	return r.storeFence(key, after.Fence)
}
