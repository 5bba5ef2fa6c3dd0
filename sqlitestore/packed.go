package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// No valid text contains separator.
const separator = "\x1f"

// sqlPacked is sqlPage with all rows in one text: SQLite and its driver take
// longer to hand out the columns of a row than to find the row. A letter tells
// an empty text from NULL. A NULL in a column that allows none changes the
// number of separators.
const sqlPacked = "SELECT count(*), ifnull(group_concat(concat_ws(s, key," +
	" ifnull(commit_position, s), ifnull(prepare_position, s), ifnull(updated_at, s)," +
	" ifnull('x' || expires_at, ''), ifnull('e' || epoch, ''), ifnull('l' || log_id, '')), s), '')" +
	" FROM (SELECT '" + separator + "' AS s, " + columns + inPage + ")"

const packedColumns = 7

// errNotPacked: a text of the page contains a separator, or a column that allows
// no NULL holds one. So nobody can tell the columns apart.
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
		r.key = strings.Clone(next()) // otherwise a kept key would keep the whole page in memory
		r.commit, r.prepare, r.updatedAt = next(), next(), next()
		r.expiresAt, r.epoch, r.logID = optional("x"), optional("e"), optional("l")
		r.logID.String = strings.Clone(r.logID.String)
		if err := each(&r); err != nil {
			return err
		}
	}
	return nil
}
