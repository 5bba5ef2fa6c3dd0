package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// pooler reports whether a pooler stands before the server: it gives each client a number
// of its own, and not that of the server's process.
func (p *postgresPatient) pooler(ctx context.Context) {
	const check = "pooler"
	var pid uint32
	if err := p.conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		p.Unknown(check, err, "look at the error")
		return
	}
	if pid == p.conn.PgConn().PID() {
		p.OK(check, "no pooler stands before the server")
		return
	}
	mode, err := poolMode(ctx, p.conn.Config())
	p.Add(poolerLine(mode, err))
}

func poolerLine(mode string, err error) doctor.Line {
	const check, remedy = "pooler", "give consumers that share a lease a URL of PostgreSQL itself"
	switch {
	case err != nil:
		return line(check, doctor.Warn, "a pooler stands before the server, and does not tell its mode: "+err.Error(),
			"make sure that its mode is session or transaction; "+remedy)
	case mode == "statement":
		return line(check, doctor.Fail, "a pooler in statement mode stands before the server, and allows no transaction", "set pool_mode = transaction")
	}
	return line(check, doctor.Warn, "a pooler in "+mode+" mode stands before the server: no standby is woken early, and writes are slower", remedy)
}

// poolMode asks PgBouncer for its configuration, which it shows to some users.
func poolMode(ctx context.Context, of *pgx.ConnConfig) (string, error) {
	c := of.Config.Copy()
	c.Database, c.ValidateConnect, c.RuntimeParams = "pgbouncer", nil, nil
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.Exec(ctx, "SHOW CONFIG").ReadAll()
	if err != nil {
		return "", err
	}
	for _, row := range results[0].Rows {
		if len(row) > 1 && string(row[0]) == "pool_mode" {
			return string(row[1]), nil
		}
	}
	return "", errors.New("its configuration has no pool_mode")
}
