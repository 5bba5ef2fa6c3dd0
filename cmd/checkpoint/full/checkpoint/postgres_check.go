package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// checkPostgres asks the server over a connection of its own, before it opens the store:
// the driver refuses some servers.
func checkPostgres(ctx context.Context, url string, r *doctor.Report) (opened doctor.Opened, err error) {
	config, opts, err := pgstore.ParseURL(url, nil)
	if err != nil {
		return opened, engine.WrongURL(err)
	}
	open := func() (*pgstore.Driver, error) {
		return pgstore.Open(ctx, url, &pgstore.Options{Logger: slog.New(slog.DiscardHandler)})
	}
	conn, err := connect(ctx, config.ConnConfig)
	if err != nil {
		d, explained := open()
		if explained != nil {
			return opened, explained
		}
		return opened, errors.Join(err, d.Close())
	}
	defer func() { _ = conn.Close(ctx) }()
	p := postgresPatient{conn, opts.Schema, r}
	if primary := p.settings(ctx); !primary {
		return opened, nil
	}
	p.pooler(ctx)
	p.clock(ctx)
	p.age(ctx)
	d, err := open()
	if there := p.tables(err); there {
		p.permissions(ctx)
		p.bloat(ctx)
	}
	if err != nil {
		return opened, nil
	}
	return doctor.Opened{Driver: d, Close: d.Close}, nil
}

// connect passes over replicas, as pgstore.Open does, unless there are only replicas.
func connect(ctx context.Context, c *pgx.ConnConfig) (*pgx.Conn, error) {
	c.DefaultQueryExecMode = pgx.QueryExecModeExec // which works behind a pooler
	if c.ValidateConnect != nil {
		return pgx.ConnectConfig(ctx, c)
	}
	c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	conn, err := pgx.ConnectConfig(ctx, c)
	if errors.Is(err, pgconn.ErrStandbyConnection) {
		c.ValidateConnect = nil
		return pgx.ConnectConfig(ctx, c)
	}
	return conn, err
}

// A postgresPatient is what checks of PostgreSQL look at.
type postgresPatient struct {
	conn   *pgx.Conn
	schema string
	*doctor.Report
}

const sqlSettings = "SELECT current_setting('server_version_num')::int, current_setting('server_version'), pg_is_in_recovery()," +
	" current_setting('default_transaction_read_only'), current_setting('server_encoding')," +
	" current_setting('fsync'), current_setting('full_page_writes')," +
	" current_setting('synchronous_commit'), current_setting('synchronous_standby_names')," +
	" (SELECT count(*) FROM pg_stat_replication) > (SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'logical' AND active)"

// settings reports whether the server is a primary, or nobody can tell.
func (p *postgresPatient) settings(ctx context.Context) bool {
	var s postgresSettings
	err := p.conn.QueryRow(ctx, sqlSettings).Scan(&s.number, &s.version, &s.replica, &s.readOnly, &s.encoding,
		&s.fsync, &s.fullPages, &s.commit, &s.standbys, &s.follow)
	if err != nil {
		p.Unknown("settings", err, "let the role read the server's settings")
		return true
	}
	p.Add(s.versionLine())
	p.Add(s.roleLine())
	p.Add(s.encodingLine())
	p.Add(s.diskLine())
	if !s.replica {
		p.Add(s.failoverLine())
	}
	return !s.replica
}

func (p *postgresPatient) clock(ctx context.Context) {
	var now time.Time
	sent := time.Now()
	if err := p.conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
		p.Unknown("clock", err, "look at the error")
		return
	}
	doctor.Clock(p.Report, now, sent, time.Now())
}

// tables reports what the store's driver says of the tables, and whether they are there.
func (p *postgresPatient) tables(err error) bool {
	const check = "tables"
	switch {
	case errors.Is(err, pgstore.ErrNotMigrated):
		p.Broken(check, engine.NoSchema(err), "")
		return false
	case err != nil:
		p.Broken(check, err, "repair what the error names")
		return !errors.Is(err, pgstore.ErrNewerSchema)
	}
	p.OK(check, "the tables of schema %s have the version that this release knows", p.schema)
	return true
}
