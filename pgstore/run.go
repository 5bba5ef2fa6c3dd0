package pgstore

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A statement is a statement to run, and what becomes of its rows.
type statement struct {
	sql  string
	args []any // texts

	each      func(scan func(...any) error) error // nil: it has no rows
	affected  int64                               // how many rows it changed, if each is nil
	committed bool                                // whether it was a commit that succeeded; an error may follow
}

// A runner runs statements one after another, until one fails. If it can, it sends all
// at once.
type runner interface {
	run(ctx context.Context, statements ...*statement) error
}

// A pgxRunner is a connection or a transaction of pgx. It sends all statements in one
// pipeline. Without a BEGIN they are one transaction.
type pgxRunner struct {
	on interface {
		SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
		Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
		Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	}
}

func (r pgxRunner) run(ctx context.Context, statements ...*statement) error {
	switch len(statements) {
	case 0:
		return nil
	case 1: // to set up a pipeline takes longer
		return r.one(ctx, statements[0])
	}
	var batch pgx.Batch
	for _, s := range statements {
		batch.Queue(s.sql, s.args...)
	}
	results := r.on.SendBatch(ctx, &batch)
	for _, s := range statements {
		var err error
		if s.each == nil {
			err = s.made(results.Exec())
		} else {
			err = s.read(results.Query())
		}
		if err != nil {
			_ = results.Close() // its error is this one
			return err
		}
	}
	return results.Close() // what commits shows its error here
}

func (r pgxRunner) one(ctx context.Context, s *statement) error {
	if s.each == nil {
		return s.made(r.on.Exec(ctx, s.sql, s.args...))
	}
	return s.read(r.on.Query(ctx, s.sql, s.args...))
}

func (s *statement) made(tag pgconn.CommandTag, err error) error {
	s.affected, s.committed = tag.RowsAffected(), tag.String() == "COMMIT"
	return err
}

func (s *statement) read(rows pgx.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := s.each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// An sqlRunner is a transaction of database/sql.
type sqlRunner struct{ tx *sql.Tx }

func (r sqlRunner) run(ctx context.Context, statements ...*statement) error {
	for _, s := range statements {
		if err := r.one(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (r sqlRunner) one(ctx context.Context, s *statement) error {
	if s.each == nil {
		result, err := r.tx.ExecContext(ctx, s.sql, s.args...)
		if err == nil {
			s.affected, err = result.RowsAffected()
		}
		return err
	}
	rows, err := r.tx.QueryContext(ctx, s.sql, s.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := s.each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
