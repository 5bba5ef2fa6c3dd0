package pgstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

const sqlReplica = "SELECT pg_is_in_recovery()"

// readBy reads by a statement. It fails on a replica, to which a pooler, or a pool with several
// hosts, may have led. It also fails if the tables have no version: a restore makes them empty
// first.
func readBy(ctx context.Context, run func(context.Context, ...*statement) error, sql *statements, s *statement) error {
	answered := false
	ask := statement{sql: sql.replica, each: func(scan func(...any) error) error {
		answered = true
		var replica bool
		if err := scan(&replica); err != nil || !replica {
			return err
		}
		return ErrReplica
	}}
	if err := run(ctx, &ask, s); err != nil || answered {
		return err
	}
	return errNoVersion(sql)
}

// on runs f over a connection.
func (d *Driver) on(ctx context.Context, f func(*pgxpool.Conn) error) error {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return leave(ctx, conn, f(conn))
}

// leave closes a connection whose server takes no writes, so that the next one may lead
// to the primary. It returns err, with ErrReplica if the server is a replica.
func leave(ctx context.Context, conn *pgxpool.Conn, err error) error {
	switch {
	case errors.Is(err, ErrReplica):
	case code(err) == codeReadOnly:
		var replica bool
		if conn.QueryRow(ctx, sqlReplica).Scan(&replica) == nil && replica {
			err = fmt.Errorf("%w: %w", ErrReplica, err)
		}
	default:
		return err
	}
	_ = conn.Conn().Close(ctx)
	return err
}
