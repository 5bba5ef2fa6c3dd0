package sqlitestore

import (
	"context"
	"database/sql"
	"fmt"
)

// checkDump says how to mark a file that has the tables of a store and no mark.
// The shell's .dump leaves the mark out. checkDump does not mark the file itself,
// since the dump may have ended early.
func checkDump(ctx context.Context, conn *sql.Conn) error {
	var tables, columns, version int
	err := conn.QueryRowContext(ctx, "SELECT"+
		" (SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('checkpoints', 'fences', 'leases')),"+
		" (SELECT count(*) FROM pragma_table_info('checkpoints') WHERE name IN ('commit_position', 'prepare_position')),"+
		" (SELECT 1 + count(*) FROM pragma_table_info('checkpoints') WHERE name = 'log_id')").Scan(&tables, &columns, &version)
	if err != nil || tables != 3 || columns != 2 {
		return err
	}
	return fmt.Errorf("%w: it has the tables of a store but not its mark, as after .dump; it was left as it is: "+
		"if the dump is whole, mark it by sqlite3 FILE \"PRAGMA application_id = %d; PRAGMA user_version = %d\"",
		ErrNotOurs, applicationID, version)
}
