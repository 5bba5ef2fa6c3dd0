package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// A session is the writer's connection with its statements.
type session struct {
	conn    *sql.Conn
	read    *sql.Stmt
	write   *sql.Stmt
	touch   *sql.Stmt
	remove  *sql.Stmt
	fence   *sql.Stmt
	raise   *sql.Stmt
	expired *sql.Stmt
	lease   *sql.Stmt
	grant   *sql.Stmt
	release *sql.Stmt
}

func newSession(ctx context.Context, db *sql.DB) (_ *session, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for _, p := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&s.read, "SELECT " + columns + " FROM checkpoints WHERE key = ?"},
		{&s.write, "INSERT INTO checkpoints (" + columns + ") VALUES (?, ?, ?, ?, ?, ?)" +
			" ON CONFLICT (key) DO UPDATE SET commit_position = excluded.commit_position," +
			" prepare_position = excluded.prepare_position, updated_at = excluded.updated_at," +
			" expires_at = excluded.expires_at, epoch = excluded.epoch"},
		{&s.touch, "UPDATE checkpoints SET expires_at = ? WHERE key = ?"},
		{&s.remove, "DELETE FROM checkpoints WHERE key = ? RETURNING " + columns},
		{&s.fence, "SELECT epoch FROM fences WHERE key = ?"},
		{&s.raise, "INSERT INTO fences (key, epoch) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET epoch = excluded.epoch"},
		{&s.expired, "SELECT " + columns + " FROM checkpoints WHERE expires_at <= ? LIMIT ?"},
		{&s.lease, "SELECT owner, epoch, expires_at FROM leases WHERE key = ?"},
		{&s.grant, "INSERT INTO leases (key, owner, epoch, expires_at) VALUES (?, ?, ?, ?)" +
			" ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, epoch = excluded.epoch, expires_at = excluded.expires_at"},
		{&s.release, "DELETE FROM leases WHERE key = ? AND owner = ? AND epoch = ?"},
	} {
		*p.stmt, err = conn.PrepareContext(ctx, p.query) //nolint:sqlclosecheck // the session closes it
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// exec runs a statement to its end, whatever becomes of the callers.
func (s *session) exec(query string) error {
	_, err := s.conn.ExecContext(context.Background(), query)
	return err
}

func (s *session) close() {
	for _, stmt := range []*sql.Stmt{
		s.read, s.write, s.touch, s.remove, s.fence, s.raise, s.expired, s.lease, s.grant, s.release,
	} {
		if stmt != nil {
			_ = stmt.Close()
		}
	}
	// The pool must not hand it out again: its state is not known.
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
}
