package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// separator is in no valid text.
const separator = "\x1f"

// sqlPacked is sqlPage with all rows in one text: SQLite and its driver take
// longer to hand out the columns of a row than to find it. A letter tells an
// empty text from NULL, and a NULL where none may be is one separator too many.
const sqlPacked = "SELECT count(*), ifnull(group_concat(concat_ws(s, key," +
	" ifnull(commit_position, s), ifnull(prepare_position, s), ifnull(updated_at, s)," +
	" ifnull('x' || expires_at, ''), ifnull('e' || epoch, ''), ifnull('l' || log_id, '')), s), '')" +
	" FROM (SELECT '" + separator + "' AS s, " + columns + inPage + ")"

const packedColumns = 7

// errNotPacked: the page holds text with a separator of its own, or a NULL where
// none may be, so that nobody can tell what is in which column.
var errNotPacked = errors.New("the page cannot be packed")

// eachPacked is eachRow for sqlPacked.
func eachPacked(ctx context.Context, stmt *sql.Stmt, each func(*row) error, args ...any) error {
	var n int
	var text string
	if err := stmt.QueryRowContext(ctx, args...).Scan(&n, &text); err != nil {
		return err
	}
	if n > 0 && strings.Count(text, separator) != n*packedColumns-1 {
		return errNotPacked
	}
	next := func() (field string) {
		field, text, _ = strings.Cut(text, separator)
		return field
	}
	optional := func(letter string) (s sql.NullString) {
		s.String, s.Valid = strings.CutPrefix(next(), letter)
		return s
	}
	var r row
	for range n {
		r.key = strings.Clone(next()) // otherwise a caller that keeps a key keeps the page
		r.commit, r.prepare, r.updatedAt = next(), next(), next()
		r.expiresAt, r.epoch, r.logID = optional("x"), optional("e"), optional("l")
		r.logID.String = strings.Clone(r.logID.String)
		if err := each(&r); err != nil {
			return err
		}
	}
	return nil
}
