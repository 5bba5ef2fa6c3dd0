package main

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/checkpointstore/checkpoint"
)

// changes yields the changes of a test_decoding slot after a position. A position is
// {LSN, index}: the LSN is the end of the transaction's commit, and the index is the
// change's number in the transaction. A change's own LSN is no position: several rows may
// share one, and transactions come in the order of their commits.
func changes(
	ctx context.Context, conn *pgx.Conn, slot string, after checkpoint.Position, stored func() checkpoint.Position,
) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		for last := after; ctx.Err() == nil; {
			kept, err := peek(ctx, conn, slot)
			if err != nil {
				yield(event{}, err)
				return
			}
			before := last
			for _, e := range kept {
				if e.position.Compare(last) <= 0 {
					continue // the slot is behind the consumer
				}
				if last = e.position; !yield(e, nil) {
					return
				}
			}
			if err := advance(ctx, conn, slot, kept, stored()); err != nil {
				yield(event{}, err)
				return
			}
			if last == before {
				pause(ctx)
			}
		}
	}
}

// peek returns changes. After the changes of each transaction comes an event of its commit.
// The slot stays where it is. If a predecessor's session still has the slot, peek
// waits.
func peek(ctx context.Context, conn *pgx.Conn, slot string) ([]event, error) {
	for {
		events, err := peekOnce(ctx, conn, slot)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != slotInUse {
			return events, err
		}
		pause(ctx)
	}
}

const slotInUse = "55006"

func peekOnce(ctx context.Context, conn *pgx.Conn, slot string) ([]event, error) {
	rows, err := conn.Query(ctx, `
		SELECT (lsn - '0/0')::bigint, data
		FROM pg_logical_slot_peek_changes($1, NULL, 1000, 'include-xids', '0')`, slot)
	if err != nil {
		return nil, err
	}
	var events []event
	first, lsn, data := 0, uint64(0), ""
	_, err = pgx.ForEachRow(rows, []any{&lsn, &data}, func() error {
		if strings.HasPrefix(data, "BEGIN") {
			return nil
		}
		if strings.HasPrefix(data, "COMMIT") {
			events = append(events, event{commit: true})
			for i := range events[first:] {
				events[first+i].position = checkpoint.Position{Commit: lsn, Prepare: uint64(i) + 1}
			}
			first = len(events)
			return nil
		}
		events = append(events, event{body: data})
		return nil
	})
	return events[:first], err
}

// advance lets the slot forget the transactions that are stored as done. A transaction
// stays if only a part of it is done.
func advance(ctx context.Context, conn *pgx.Conn, slot string, kept []event, stored checkpoint.Position) error {
	var done uint64
	for _, e := range kept {
		if e.commit && e.position.Compare(stored) <= 0 {
			done = e.position.Commit
		}
	}
	if done == 0 {
		return nil
	}
	_, err := conn.Exec(ctx, `SELECT pg_replication_slot_advance($1, '0/0'::pg_lsn + $2::bigint::numeric)`, slot, int64(done))
	return err
}
