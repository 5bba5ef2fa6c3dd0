package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
)

// direct executes statements on the connection that conn holds, without what database/sql
// does for each of them.
type direct struct {
	conn     *sql.Conn
	prepared map[string]driver.Stmt
	args     []driver.NamedValue // of the statement under way
}

// exec returns how many rows query changed.
func (d *direct) exec(query string, args []any) (n int64, err error) {
	d.args = d.args[:0]
	for i, arg := range args {
		value, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return 0, err
		}
		d.args = append(d.args, driver.NamedValue{Ordinal: i + 1, Value: value})
	}
	err = d.conn.Raw(func(conn any) error {
		stmt, err := d.prepare(conn, query)
		if err != nil {
			return err
		}
		result, err := stmt.ExecContext(context.Background(), d.args)
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	return n, err
}

func (d *direct) prepare(conn any, query string) (driver.StmtExecContext, error) {
	stmt, ok := d.prepared[query]
	if !ok {
		preparer, ok := conn.(driver.ConnPrepareContext)
		if !ok {
			return nil, fmt.Errorf("%T prepares no statement", conn)
		}
		var err error
		if stmt, err = preparer.PrepareContext(context.Background(), query); err != nil {
			return nil, err
		}
		if d.prepared == nil {
			d.prepared = make(map[string]driver.Stmt)
		}
		d.prepared[query] = stmt
	}
	exec, ok := stmt.(driver.StmtExecContext)
	if !ok {
		return nil, fmt.Errorf("%T cannot be executed", stmt)
	}
	return exec, nil
}

func (d *direct) close() {
	if d == nil {
		return
	}
	_ = d.conn.Raw(func(any) error {
		for _, stmt := range d.prepared {
			_ = stmt.Close()
		}
		return nil
	})
}
