package main

import (
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint"
)

// finished selects the orders whose transactions, and all older ones, have ended: see
// examples/postgres.
const finished = `
SELECT xid, id, customer, cents FROM orders
WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
  AND (xid, id) > ($1::text::xid8, $2::bigint)
ORDER BY xid, id LIMIT 1000`

// logID names the cluster of databases, and the database: see examples/postgres.
func logID(ctx context.Context, conn *pgx.Conn) (id string, err error) {
	err = conn.QueryRow(ctx, "SELECT format('%s/%s', system_identifier, oid)"+
		" FROM pg_control_system(), pg_database WHERE datname = current_database()").Scan(&id)
	return id, err
}

// An order is a row of the table orders.
type order struct {
	position checkpoint.Position // {xid, id}
	customer string
	cents    int64
}

// orders yields the orders after a position, and waits for more.
func orders(ctx context.Context, conn *pgx.Conn, after checkpoint.Position) iter.Seq2[order, error] {
	return func(yield func(order, error) bool) {
		for last := after; ctx.Err() == nil; {
			page, err := pageOf(ctx, conn, last)
			if err != nil {
				yield(order{}, err)
				return
			}
			for _, o := range page {
				if last = o.position; !yield(o, nil) {
					return
				}
			}
			if len(page) == 0 {
				pause(ctx)
			}
		}
	}
}

func pageOf(ctx context.Context, conn *pgx.Conn, after checkpoint.Position) ([]order, error) {
	rows, err := conn.Query(ctx, finished, strconv.FormatUint(after.Commit, 10), int64(after.Prepare))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (o order, err error) {
		err = row.Scan(&o.position.Commit, &o.position.Prepare, &o.customer, &o.cents)
		return o, err
	})
}

func pause(ctx context.Context) {
	select {
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
	}
}
