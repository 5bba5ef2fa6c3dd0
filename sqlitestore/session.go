package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// A session is the writer's connection with its statements.
type session struct {
	conn *sql.Conn
	statements
}

func newSession(ctx context.Context, db *sql.DB) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, statements: statements{on: conn}}, nil
}

// run runs a statement that takes no arguments and is not worth preparing.
func (s *session) run(query string) error {
	_, err := s.conn.ExecContext(context.Background(), query)
	return err
}

func (s *session) close() {
	s.statements.close()
	// The pool must not hand it out again: its state is not known.
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
}
