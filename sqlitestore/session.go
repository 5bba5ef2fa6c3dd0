package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"modernc.org/sqlite"
)

// A session is the writer's connection with its statements.
type session struct {
	conn *sql.Conn
	statements
	known known
}

func newSession(ctx context.Context, db *sql.DB, shortcuts bool) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, statements: statements{on: conn}}
	if shortcuts {
		s.direct = &direct{conn: conn}
	}
	return s, nil
}

// begin begins a transaction, in which nobody else can change the content. If
// others have changed the content before, begin forgets what was known of it.
func (s *session) begin() error {
	if err := s.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	version, err := s.contentVersion()
	if err != nil || version != s.known.version {
		s.known = known{}
	}
	return err
}

func (s *session) commit() error {
	if err := s.exec("COMMIT"); err != nil {
		return err
	}
	version, err := s.contentVersion()
	if err != nil {
		s.known = known{}
		return nil //nolint:nilerr // SQLite has committed it
	}
	s.known.version = version
	return nil
}

func (s *session) rollback() error {
	s.known = known{}
	return s.exec("ROLLBACK")
}

// contentVersion returns a number that differs after each change of the file's
// content.
func (s *session) contentVersion() (version uint32, err error) {
	err = s.conn.Raw(func(conn any) (err error) {
		c, ok := conn.(sqlite.FileControl)
		if !ok {
			return fmt.Errorf("%T does not tell the version of the content", conn)
		}
		version, err = c.FileControlDataVersion("main")
		return err
	})
	return version, err
}

func (s *session) close() {
	s.statements.close()
	// The pool must not hand out this connection again, since its state is
	// unknown.
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
}
