package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// groupName is the name of the group. The checkpoint of a stream has the key
// group.Key(groupName, stream), as "revenue/orders".
const groupName = "revenue"

// A projection is the read model: how many orders each customer made, and for
// how much.
type projection struct{ db *sql.DB }

// openProjection opens the read model in the file of the checkpoints. The first
// run makes it, with a checkpoint before the first event of each stream.
func openProjection(ctx context.Context, path string, streams []string, firstRun bool) (*projection, error) {
	// NORMAL is enough. A power cut may undo the last transactions, but it
	// undoes their effects and the checkpoint together. The events are then
	// read again.
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=synchronous(NORMAL)")
	if err != nil || !firstRun {
		return &projection{db}, err
	}
	p := &projection{db}
	err = p.transaction(ctx, func(tx *sql.Tx, store *checkpoint.Store) error {
		_, err := tx.ExecContext(ctx, "CREATE TABLE revenue (customer TEXT PRIMARY KEY, orders INTEGER, cents INTEGER) STRICT")
		if err != nil {
			return fmt.Errorf("this is not the first run: %w", err)
		}
		for _, stream := range streams {
			if err := store.Set(ctx, group.Key(groupName, stream), checkpoint.Position{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return p, nil
}

// apply gives an event its effect and stores its position: both or neither. An
// event at or below the stored position has had its effect already. If another
// instance has the lease of the stream by now, Set fails with ErrFenced.
func (p *projection) apply(ctx context.Context, stream string, epoch uint64, e event) error {
	key := group.Key(groupName, stream)
	return p.transaction(ctx, func(tx *sql.Tx, store *checkpoint.Store) error {
		cp, err := store.Get(ctx, key)
		if err != nil || e.position.Compare(cp.Position) <= 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO revenue VALUES (?, 1, ?)
			ON CONFLICT DO UPDATE SET orders = orders + 1, cents = cents + excluded.cents`, e.customer, e.cents)
		if err != nil {
			return err
		}
		return store.Set(ctx, key, e.position, checkpoint.Epoch(epoch))
	})
}

func (p *projection) transaction(ctx context.Context, do func(*sql.Tx, *checkpoint.Store) error) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := do(tx, checkpoint.New(sqlitestore.OnTx(tx), nil)); err != nil {
		return err
	}
	return tx.Commit()
}
