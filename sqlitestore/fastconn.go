package sqlitestore

import (
	"database/sql"
	"errors"
	"strings"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// A fastConn is a connection past database/sql, to SQLite's own functions. It only reads
// the table checkpoints. One goroutine at a time uses it.
type fastConn struct {
	tls      *libc.TLS
	db       uintptr            // a *sqlite3
	prepared map[string]uintptr // *sqlite3_stmt by their texts
	bound    uintptr            // memory for the text that is bound
	size     int                // of bound
}

// errNotFast says that database/sql must do a read. It also says what is wrong, if
// something is.
var errNotFast = errors.New("SQLite's own functions do not read it")

// openFast opens a file as sql.Open does, and takes no lock of SQLite's for its own calls.
func openFast(dsn string) (*fastConn, error) {
	c := &fastConn{tls: libc.NewTLS(), prepared: make(map[string]uintptr)}
	name, err := libc.CString(dsn)
	if err != nil {
		c.tls.Close()
		return nil, err
	}
	rc := c.pointer(&c.db, func(out uintptr) int32 {
		const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_URI
		return sqlite3.Xsqlite3_open_v2(c.tls, name, out, flags, 0)
	})
	libc.Xfree(c.tls, name)
	if rc != sqlite3.SQLITE_OK {
		c.close() // a connection that failed to open must be closed, too
		return nil, errNotFast
	}
	return c, nil
}

func (c *fastConn) close() {
	for _, stmt := range c.prepared {
		sqlite3.Xsqlite3_finalize(c.tls, stmt)
	}
	sqlite3.Xsqlite3_close_v2(c.tls, c.db)
	libc.Xfree(c.tls, c.bound)
	c.tls.Close()
}

// moved reports whether the path names another file than c has opened.
func (c *fastConn) moved() bool {
	var moved uintptr
	rc := c.pointer(&moved, func(out uintptr) int32 { return c.control(sqlite3.SQLITE_FCNTL_HAS_MOVED, out) })
	return rc != sqlite3.SQLITE_OK || moved != 0
}

// control asks the file of c.
func (c *fastConn) control(op int32, out uintptr) int32 {
	name, err := libc.CString("main")
	if err != nil {
		return sqlite3.SQLITE_NOMEM
	}
	defer libc.Xfree(c.tls, name)
	return sqlite3.Xsqlite3_file_control(c.tls, c.db, name, op, out)
}

// pointer calls f with a place for a pointer, and stores the pointer in to.
func (c *fastConn) pointer(to *uintptr, f func(out uintptr) int32) int32 {
	const size = int(unsafe.Sizeof(*to))
	out := c.tls.Alloc(size)
	defer c.tls.Free(size)
	*at[uintptr](out) = 0
	rc := f(out)
	*to = *at[uintptr](out)
	return rc
}

// at is what SQLite's memory holds at p. Go's collector knows nothing of that memory.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// each is eachRow. Its rows have only texts and NULLs, and no NULL in a column that allows
// none. The texts of a row, except the key and the log id, hold until each goes on.
func (c *fastConn) each(f func(*row) error, query, text string, limit int) error {
	stmt, err := c.prepare(query)
	if err != nil {
		return err
	}
	defer sqlite3.Xsqlite3_reset(c.tls, stmt)
	if !c.bind(stmt, text, limit) {
		return errNotFast
	}
	var r row
	for {
		switch sqlite3.Xsqlite3_step(c.tls, stmt) {
		case sqlite3.SQLITE_ROW:
			if !c.read(stmt, &r) {
				return errNotFast
			}
			if err := f(&r); err != nil {
				return err
			}
		case sqlite3.SQLITE_DONE:
			return nil
		default:
			return errNotFast
		}
	}
}

func (c *fastConn) prepare(query string) (uintptr, error) {
	if stmt, ok := c.prepared[query]; ok {
		return stmt, nil
	}
	text, err := libc.CString(query)
	if err != nil {
		return 0, err
	}
	defer libc.Xfree(c.tls, text)
	var stmt uintptr
	rc := c.pointer(&stmt, func(out uintptr) int32 {
		return sqlite3.Xsqlite3_prepare_v2(c.tls, c.db, text, -1, out, 0)
	})
	if rc != sqlite3.SQLITE_OK || stmt == 0 {
		return 0, errNotFast
	}
	c.prepared[query] = stmt
	return stmt, nil
}

// bind binds the first parameter to text, and the second, if there is one, to limit. The text
// is copied into memory that does not move, and stays there until the next bind.
func (c *fastConn) bind(stmt uintptr, text string, limit int) bool {
	if c.size < len(text) || c.bound == 0 {
		libc.Xfree(c.tls, c.bound)
		c.size = max(len(text), 1024)
		c.bound = libc.Xmalloc(c.tls, libc.Tsize_t(c.size)) //nolint:gosec // a length
		if c.bound == 0 {
			c.size = 0
			return false
		}
	}
	copy(unsafe.Slice(at[byte](c.bound), c.size), text)
	const static = 0                                                                    // SQLite neither copies nor frees it
	rc := sqlite3.Xsqlite3_bind_text(c.tls, stmt, 1, c.bound, int32(len(text)), static) //nolint:gosec // SQLite allows a billion
	if rc == sqlite3.SQLITE_OK && limit != 0 {
		rc = sqlite3.Xsqlite3_bind_int64(c.tls, stmt, 2, int64(limit))
	}
	return rc == sqlite3.SQLITE_OK
}

// read reads the row at which stmt stands. It reports whether the columns are of the types
// that the schema has.
func (c *fastConn) read(stmt uintptr, r *row) bool {
	for i, to := range [...]*string{&r.key, &r.commit, &r.prepare, &r.updatedAt} {
		text, is := c.column(stmt, int32(i)) //nolint:gosec // small
		if is != sqlite3.SQLITE_TEXT {
			return false
		}
		*to = text
	}
	for i, to := range [...]*sql.NullString{&r.expiresAt, &r.epoch, &r.logID} {
		text, is := c.column(stmt, int32(i+4)) //nolint:gosec // small
		if is != sqlite3.SQLITE_TEXT && is != sqlite3.SQLITE_NULL {
			return false
		}
		to.String, to.Valid = text, is == sqlite3.SQLITE_TEXT
	}
	r.key, r.logID.String = strings.Clone(r.key), strings.Clone(r.logID.String)
	return true
}

// column returns a text of the row at which stmt stands, and the type of the column. The text
// holds until stmt goes on.
func (c *fastConn) column(stmt uintptr, i int32) (text string, is int32) {
	is = sqlite3.Xsqlite3_column_type(c.tls, stmt, i)
	if is != sqlite3.SQLITE_TEXT {
		return "", is
	}
	p := sqlite3.Xsqlite3_column_text(c.tls, stmt, i)
	n := sqlite3.Xsqlite3_column_bytes(c.tls, stmt, i)
	if p == 0 { // no memory
		return "", sqlite3.SQLITE_BLOB
	}
	return unsafe.String(at[byte](p), n), is
}
