package sqlitestore

import (
	"database/sql"
	"errors"
	"strconv"
	"strings"
)

// No valid text contains separator.
const separator = "\x1f"

// packed is an expression: a page of a table as one text, the number of rows first. SQLite
// and its driver take longer to hand out the columns of a row than to find the row. A
// letter tells an empty text from NULL. A NULL in a column that allows none changes the
// number of separators. fields are what the columns are read into.
func packed(table, columns string, fields []any) string {
	parts := strings.Split(columns, ", ")
	for i, column := range parts {
		if _, optional := fields[i].(*sql.NullString); optional {
			parts[i] = "ifnull('x' || " + column + ", '')"
		} else {
			parts[i] = "ifnull(" + column + ", s)"
		}
	}
	const quoted = "'" + separator + "'"
	return "(SELECT concat(count(*), " + quoted + ", ifnull(group_concat(concat_ws(s, " + strings.Join(parts, ", ") + "), s), ''))" +
		" FROM (SELECT " + quoted + " AS s, " + columns + " FROM " + table + " WHERE key >= ?1 ORDER BY key LIMIT ?2))"
}

// errNotPacked: a text of the page contains a separator, or a column that allows
// no NULL holds one. So nobody can tell the columns apart.
var errNotPacked = errors.New("the page cannot be packed")

// packedRows reads the rows of a packed page into fields, one after another.
type packedRows struct {
	n      int // how many rows the page has
	left   int // how many are not read yet
	text   string
	fields []any
}

func unpack(text string, fields []any) (*packedRows, error) {
	count, text, _ := strings.Cut(text, separator)
	n, err := strconv.Atoi(count)
	if err != nil || n > 0 && strings.Count(text, separator) != n*len(fields)-1 {
		return nil, errNotPacked
	}
	return &packedRows{n, n, text, fields}, nil
}

// next reads the next row, and reports whether there is one. The texts are parts of the
// page: whoever keeps one clones it, or keeps the whole page in memory.
func (r *packedRows) next() bool {
	if r.left == 0 {
		return false
	}
	r.left--
	for _, field := range r.fields {
		var column string
		column, r.text, _ = strings.Cut(r.text, separator)
		switch to := field.(type) {
		case *string:
			*to = column
		case *sql.NullString:
			to.String, to.Valid = strings.CutPrefix(column, "x")
		}
	}
	return true
}
