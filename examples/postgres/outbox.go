package main

import (
	"context"
	"iter"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint"
)

// finished selects a row if its transaction and all older transactions have ended. An
// id alone is no position: ids commit out of order, so 3 may appear after 4.
const finished = `
SELECT xid, id, body FROM outbox
WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
  AND (xid, id) > ($1::text::xid8, $2::bigint)
ORDER BY xid, id LIMIT 1000`

// outbox yields the rows after a position {xid, id}.
func outbox(ctx context.Context, conn *pgx.Conn, after checkpoint.Position) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		for last := after; ctx.Err() == nil; {
			rows, err := page(ctx, conn, last)
			if err != nil {
				yield(event{}, err)
				return
			}
			for _, row := range rows {
				if last = row.position; !yield(row, nil) {
					return
				}
			}
			if len(rows) == 0 {
				pause(ctx)
			}
		}
	}
}

func page(ctx context.Context, conn *pgx.Conn, after checkpoint.Position) ([]event, error) {
	xid, id := strconv.FormatUint(after.Commit, 10), int64(after.Prepare)
	rows, err := conn.Query(ctx, finished, xid, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e event, err error) {
		err = row.Scan(&e.position.Commit, &e.position.Prepare, &e.body)
		return e, err
	})
}
