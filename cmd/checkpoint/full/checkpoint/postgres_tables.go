package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// permitted is what docs/postgres.md lists for a role.
var permitted = map[string][]string{
	"checkpoint_schema":  {"SELECT"},
	"checkpoints":        {"SELECT", "INSERT", "UPDATE", "DELETE"},
	"checkpoint_fences":  {"SELECT", "INSERT", "UPDATE", "DELETE"},
	"checkpoint_audit":   {"SELECT", "INSERT", "DELETE"},
	"checkpoint_samples": {"SELECT", "INSERT", "UPDATE", "DELETE"},
	"checkpoint_reports": {"SELECT", "INSERT", "UPDATE", "DELETE"},
}

// sqlRefused names each permission that the role lacks on a table. A missing permission
// on the schema is one of no table.
const sqlRefused = "SELECT '', 'USAGE', current_user FROM pg_namespace WHERE nspname = $1::text AND NOT has_schema_privilege(oid, 'USAGE')" +
	" UNION ALL SELECT c.relname, p, current_user FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace," +
	" unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p" +
	" WHERE n.nspname = $1::text AND c.relkind IN ('r', 'p') AND NOT has_table_privilege(c.oid, p) ORDER BY 1, 2"

func (p *postgresPatient) permissions(ctx context.Context) {
	const check = "permissions"
	var lacks, grants []string
	err := p.each(ctx, sqlRefused, func(rows pgx.Rows) error {
		var table, permission, role string
		if err := rows.Scan(&table, &permission, &role); err != nil {
			return err
		}
		on := "SCHEMA " + pgx.Identifier{p.schema}.Sanitize()
		if table != "" {
			if !slices.Contains(permitted[table], permission) {
				return nil
			}
			on = pgx.Identifier{p.schema, table}.Sanitize()
		}
		lacks = append(lacks, permission+" on "+on)
		grants = append(grants, fmt.Sprintf("GRANT %s ON %s TO %s;", permission, on, pgx.Identifier{role}.Sanitize()))
		return nil
	})
	switch {
	case err != nil:
		p.Unknown(check, err, "compare the role with docs/postgres.md")
	case len(lacks) > 0:
		p.Fail(check, "the role lacks "+strings.Join(lacks, ", "), strings.Join(grants, " "))
	default:
		p.OK(check, "the role may do all that the store does")
	}
}

const sqlBloat = "SELECT s.relname, s.n_live_tup, s.n_dead_tup, pg_total_relation_size(s.relid)," +
	" current_setting('autovacuum') = 'off' OR coalesce('autovacuum_enabled=off' = ANY(c.reloptions) OR 'autovacuum_enabled=false' = ANY(c.reloptions), false)" +
	" FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid WHERE s.schemaname = $1::text ORDER BY 1"

// manyDead is how many dead rows a table may have, however few others it has.
const manyDead = 10_000

func (p *postgresPatient) bloat(ctx context.Context) {
	const check, remedy = "bloat", "VACUUM the table, and look for what holds vacuum up: a long transaction, or a replication slot"
	var total int64
	fine := true
	err := p.each(ctx, sqlBloat, func(rows pgx.Rows) error {
		var table string
		var live, dead, size int64
		var off bool
		if err := rows.Scan(&table, &live, &dead, &size, &off); err != nil {
			return err
		}
		if total += size; permitted[table] == nil {
			return nil
		}
		if dead > manyDead && dead > 2*live {
			fine = false
			p.Warn(check, fmt.Sprintf("the table %s has %d dead rows beside %d others, in %s", table, dead, live, doctor.Bytes(size)), remedy)
		}
		if off {
			fine = false
			p.Warn(check, "autovacuum is off for the table "+table+": dead rows stay, and it grows", "set autovacuum = on, or RESET autovacuum_enabled of the table")
		}
		return nil
	})
	switch {
	case err != nil:
		p.Unknown(check, err, "let the role read pg_stat_user_tables")
	case fine:
		p.OK(check, "the tables have %s, and few dead rows", doctor.Bytes(total))
	}
}

const sqlAge = "SELECT datname, age(datfrozenxid)::bigint, current_setting('autovacuum_freeze_max_age')::bigint" +
	" FROM pg_database ORDER BY 2 DESC, datname = current_database() DESC LIMIT 1"

// age reports how far the server is from its last transaction number.
func (p *postgresPatient) age(ctx context.Context) {
	var database string
	var age, freeze int64
	if err := p.conn.QueryRow(ctx, sqlAge).Scan(&database, &age, &freeze); err != nil {
		p.Unknown("xid-age", err, "let the role read pg_database")
		return
	}
	p.Add(ageLine(database, age, freeze))
}

func ageLine(database string, age, freeze int64) doctor.Line {
	const check, remedy = "xid-age", "VACUUM (FREEZE) the database, and look for what holds vacuum up: a long transaction, a prepared one, or a replication slot"
	const critical = 1_600_000_000 // vacuum_failsafe_age. At 2^31 the server takes no writes
	text := fmt.Sprintf("the oldest transaction number of database %s is %d old, and autovacuum freezes at %d", database, age, freeze)
	switch {
	case age >= critical:
		return line(check, doctor.Fail, text+": at 2147483648 the server takes no more writes", remedy)
	case age > 2*freeze:
		return line(check, doctor.Warn, text+": something holds vacuum up", remedy)
	}
	return line(check, doctor.OK, text, "")
}

// each calls f for each row of a statement about the schema.
func (p *postgresPatient) each(ctx context.Context, sql string, f func(pgx.Rows) error) error {
	rows, err := p.conn.Query(ctx, sql, p.schema)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
