package pgstore

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed schema1.sql
var schema1 string

//go:embed schema2.sql
var schema2 string

// Each of the migrations leads from one version of the schema to the next. The table
// checkpoint_schema holds the version.
var migrations = []string{schema1, schema2}

// ErrNotMigrated is the error if the tables are missing, or have an older version.
var ErrNotMigrated error = &hinted{
	"the tables of the checkpoint store are not there", "call pgstore.Migrate, or apply the SQL of pgstore.SchemaSQL",
}

// ErrNewerSchema is the error if a later release made the tables.
var ErrNewerSchema error = &hinted{
	"the tables of the checkpoint store have a newer version than this release knows", "use a newer release",
}

// SchemaSQL returns the statements by which [Migrate] makes the tables in an empty
// database, for a person who applies them.
func SchemaSQL(opts *Options) (string, error) {
	o, err := opts.checked()
	if err != nil {
		return "", err
	}
	schema := quote(o.Schema)
	return "CREATE SCHEMA IF NOT EXISTS " + schema + ";\n\n" +
		strings.ReplaceAll(strings.Join(migrations, "\n"), "{schema}", schema), nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// migrationLock is the advisory lock that a migration holds until it commits. Any number
// of processes may migrate at once.
const migrationLock = 0x436b5074 // "CkPt"

// Migrate makes the tables if they are missing, and brings older tables to the newest
// version, in one transaction. Any number of processes may call it at once. If there is
// nothing to do, it needs no permission except to read.
func Migrate(ctx context.Context, pool *pgxpool.Pool, opts *Options) error {
	o, err := opts.checked()
	if err != nil {
		return err
	}
	sql := newStatements(o.Schema)
	if err := check(ctx, pool, sql); !errors.Is(err, ErrNotMigrated) {
		return explain(err)
	}
	// At a higher level, who waits for the lock would not see what its holder committed.
	level := pgx.TxOptions{IsoLevel: pgx.ReadCommitted}
	return explain(pgx.BeginTxFunc(ctx, pool, level, func(tx pgx.Tx) error { return migrate(ctx, tx, o.Schema, sql) }))
}

func migrate(ctx context.Context, tx pgx.Tx, schema string, sql *statements) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock("+strconv.Itoa(migrationLock)+")"); err != nil {
		return err
	}
	// Another process may have migrated meanwhile.
	version, err := readVersion(ctx, tx, sql)
	if err != nil {
		return err
	}
	if version > len(migrations) {
		return newer(version)
	}
	// CREATE SCHEMA IF NOT EXISTS wants a permission even if the schema is there.
	var there bool
	err = tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1::text)", schema).Scan(&there)
	if err == nil && !there {
		_, err = tx.Exec(ctx, "CREATE SCHEMA "+quote(schema))
	}
	for _, m := range migrations[version:] {
		if err == nil {
			_, err = tx.Exec(ctx, strings.ReplaceAll(m, "{schema}", quote(schema)), pgx.QueryExecModeSimpleProtocol)
		}
	}
	return err
}

// A rowQuerier is a pool or a transaction.
type rowQuerier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// check returns nil if the tables have the version that this release knows.
func check(ctx context.Context, on rowQuerier, sql *statements) error {
	version, err := readVersion(ctx, on, sql)
	if err != nil {
		return err
	}
	return checkVersion(version)
}

func checkVersion(version int) error {
	switch {
	case version == 0:
		return ErrNotMigrated
	case version < len(migrations):
		return fmt.Errorf("%w in the newest version: they have version %d, and this release needs %d",
			ErrNotMigrated, version, len(migrations))
	case version > len(migrations):
		return newer(version)
	}
	return nil
}

func newer(version int) error {
	return fmt.Errorf("%w: version %d, and this release knows up to %d", ErrNewerSchema, version, len(migrations))
}

// sqlThere reads the catalog's tables: to_regclass may still remember that there were none.
const sqlThere = "SELECT pg_is_in_recovery(), EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace" +
	" WHERE n.nspname = $1::text AND c.relname = 'checkpoint_schema')"

// readVersion returns 0 if the tables are missing.
func readVersion(ctx context.Context, on rowQuerier, sql *statements) (int, error) {
	var replica, there bool
	switch err := on.QueryRow(ctx, sqlThere, sql.schema).Scan(&replica, &there); {
	case err != nil:
		return 0, err
	case replica:
		return 0, ErrReplica
	case !there:
		return 0, nil
	}
	var version int
	err := on.QueryRow(ctx, "SELECT version FROM "+sql.schemaTable).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, errNoVersion(sql)
	}
	return version, err
}

func errNoVersion(sql *statements) error {
	return fmt.Errorf("the table %s is empty, so nobody can tell the version of the tables: if a restore is under way, wait for its end; if this release has used the tables, INSERT INTO %[1]s (version) VALUES (%d)",
		sql.schemaTable, len(migrations))
}
