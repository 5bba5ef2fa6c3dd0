package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/pgstore"
)

const key = "revenue" // of the checkpoint

// A model is how many orders each customer made, and for how much.
type model struct{ pool *pgxpool.Pool }

func openModel(ctx context.Context, url string, firstRun bool) (*model, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil || !firstRun {
		return &model{pool}, err
	}
	_, err = pool.Exec(ctx, "CREATE TABLE IF NOT EXISTS revenue (customer text PRIMARY KEY, orders bigint NOT NULL, cents bigint NOT NULL)")
	if err == nil {
		err = pgstore.Migrate(ctx, pool, nil)
	}
	if err != nil {
		pool.Close()
	}
	return &model{pool}, err
}

// errDone: the order has taken effect already, and the transaction is rolled back.
var errDone = errors.New("the order has been counted before")

// apply gives an order its effect and stores its position: both or neither. If nobody knows
// whether an earlier attempt was committed, apply may try again: an order at or below the
// stored position does not advance it.
func (m *model) apply(ctx context.Context, o order, epoch uint64, logID string) error {
	err := pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error {
		// Otherwise a process that is stopped here keeps the lease's row locked, and no standby
		// can take over.
		_, err := tx.Exec(ctx, "SET LOCAL idle_in_transaction_session_timeout = '5s'")
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO revenue AS r VALUES ($1, 1, $2)
			ON CONFLICT (customer) DO UPDATE SET orders = r.orders + 1, cents = r.cents + excluded.cents`, o.customer, o.cents)
		if err != nil {
			return err
		}
		d, err := pgstore.OnTx(tx, nil)
		if err != nil {
			return err
		}
		outcomes, err := checkpoint.New(d, nil).Apply(ctx, checkpoint.Write{
			Key: key, IfNewer: true, Mark: checkpoint.Mark{Position: o.position, Epoch: epoch, LogID: logID},
		})
		switch {
		case err != nil:
			return err
		case outcomes[0] == checkpoint.Fenced:
			return checkpoint.ErrFenced
		case outcomes[0] != checkpoint.Advanced:
			return errDone
		}
		return nil
	})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}
