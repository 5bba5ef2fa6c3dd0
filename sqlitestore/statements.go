package sqlitestore

import (
	"context"
	"database/sql"
)

const (
	sqlRead  = "SELECT " + columns + " FROM checkpoints WHERE key = ?"
	sqlWrite = "INSERT INTO checkpoints (" + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?)" +
		" ON CONFLICT (key) DO UPDATE SET commit_position = excluded.commit_position," +
		" prepare_position = excluded.prepare_position, updated_at = excluded.updated_at," +
		" expires_at = excluded.expires_at, epoch = excluded.epoch, log_id = excluded.log_id"
	sqlAdvance     = "UPDATE checkpoints SET commit_position = ?, prepare_position = ?, updated_at = ? WHERE key = ?"
	sqlTouch       = "UPDATE checkpoints SET expires_at = ? WHERE key = ?"
	sqlDelete      = "DELETE FROM checkpoints WHERE key = ?"
	sqlFence       = "SELECT " + fenceColumns + " FROM fences WHERE key = ?"
	sqlForgetFence = "DELETE FROM fences WHERE key = ?"
	sqlRaise       = "INSERT INTO fences (key, epoch, raised) VALUES (?, ?, ?)" +
		" ON CONFLICT (key) DO UPDATE SET epoch = excluded.epoch, raised = excluded.raised"
	sqlExpired = "SELECT " + columns + " FROM checkpoints" +
		" WHERE expires_at <= ? AND (expires_at, key) > (?, ?) ORDER BY expires_at, key LIMIT ?"
	// The plus keeps this statement off the index that has found the row, since that
	// index may be damaged.
	sqlPurge = "DELETE FROM checkpoints WHERE key = ? AND +expires_at = ?"
	sqlLease = "SELECT " + leaseColumns + " FROM leases WHERE key = ?"
	sqlGrant = "INSERT INTO leases (key, owner, epoch, expires_at, granted_at) VALUES (?, ?, ?, ?, ?)" +
		" ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, epoch = excluded.epoch," +
		" expires_at = excluded.expires_at, granted_at = excluded.granted_at"
	sqlRelease = "DELETE FROM leases WHERE key = ?"
	sqlGetMany = "SELECT " + columns + " FROM checkpoints WHERE key IN (SELECT value FROM json_each(?))"
	sqlPage    = "SELECT " + columns + " FROM checkpoints WHERE key >= ? ORDER BY key LIMIT ?"

	sqlCellsOf = "WITH k (key) AS (SELECT value FROM json_each(?)) " + cellColumns
	sqlCells   = "WITH k (key) AS (SELECT key FROM checkpoints WHERE key >= ?1 UNION SELECT key FROM fences WHERE key >= ?1" +
		" UNION SELECT key FROM leases WHERE key >= ?1 ORDER BY key LIMIT ?2) " + cellColumns
	// A part that is not stored has no row, so its columns are NULL.
	cellColumns = "SELECT k.key, c.key IS NOT NULL, f.key IS NOT NULL, l.key IS NOT NULL," +
		" ifnull(commit_position, ''), ifnull(prepare_position, ''), ifnull(updated_at, ''), c.expires_at, c.epoch, log_id," +
		" ifnull(f.epoch, ''), raised, ifnull(owner, ''), ifnull(l.epoch, ''), ifnull(l.expires_at, ''), granted_at" +
		" FROM k LEFT JOIN checkpoints c USING (key)" +
		" LEFT JOIN fences f USING (key) LEFT JOIN leases l USING (key) ORDER BY k.key"
)

// statements prepares each statement once, on one connection. A transaction
// runs to its end even if its callers give up, so there is no context.
type statements struct {
	on interface {
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}
	prepared map[string]*sql.Stmt
	direct   *direct // nil: database/sql executes the statements
}

func (s *statements) get(query string) (*sql.Stmt, error) {
	if stmt, ok := s.prepared[query]; ok {
		return stmt, nil
	}
	stmt, err := s.on.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	if s.prepared == nil {
		s.prepared = make(map[string]*sql.Stmt)
	}
	s.prepared[query] = stmt
	return stmt, nil
}

func (s *statements) exec(query string, args ...any) error {
	_, err := s.execCount(query, args...)
	return err
}

// execCount returns how many rows query changed.
func (s *statements) execCount(query string, args ...any) (int64, error) {
	if s.direct != nil {
		return s.direct.exec(query, args)
	}
	stmt, err := s.get(query) //nolint:sqlclosecheck // close does it
	if err != nil {
		return 0, err
	}
	result, err := stmt.Exec(args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// scan reads the one row that query finds.
func (s *statements) scan(to []any, query string, args ...any) error {
	stmt, err := s.get(query) //nolint:sqlclosecheck // close does it
	if err != nil {
		return err
	}
	return stmt.QueryRow(args...).Scan(to...)
}

// scanEach reads each row that query finds, and calls each after it.
func (s *statements) scanEach(to []any, each func(), query string, args ...any) error {
	stmt, err := s.get(query) //nolint:sqlclosecheck // close does it
	if err != nil {
		return err
	}
	rows, err := stmt.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		each()
	}
	return rows.Err()
}

func (s *statements) each(f func(*row) error, query string, args ...any) error {
	stmt, err := s.get(query)
	if err != nil {
		return err
	}
	return eachRow(context.Background(), stmt, f, args...)
}

func (s *statements) close() {
	s.direct.close()
	for _, stmt := range s.prepared {
		_ = stmt.Close()
	}
}
