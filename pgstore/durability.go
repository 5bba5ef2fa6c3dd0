package pgstore

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// sqlDurability reads what decides whether an acknowledged commit can be lost. A slot of
// a logical replication leads to no server that takes over.
const sqlDurability = "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('synchronous_standby_names')," +
	" (SELECT count(*) FROM pg_stat_replication) > (SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'logical' AND active)"

// Warnings says how the server, as it is set for this driver, may lose a change that it
// has acknowledged. Each warning is the fact and the remedy. The first call of a driver
// logs them.
func (d *Driver) Warnings(ctx context.Context) ([]string, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	limited, cancel := d.untilClosed(ctx)
	defer cancel()
	warnings, err := d.warnings(limited)
	if err != nil {
		return nil, d.failure(ctx, err)
	}
	return warnings, nil
}

func (d *Driver) warnings(ctx context.Context) ([]string, error) {
	var s settings
	err := d.on(ctx, func(conn *pgxpool.Conn) error {
		return conn.QueryRow(ctx, sqlDurability).Scan(&s.fsync, &s.commit, &s.standbys, &s.replicas)
	})
	return s.warnings(), err
}

// warn logs the warnings. A failure is nobody's: no change depends on them.
func (d *Driver) warn(ctx context.Context) {
	warnings, err := d.warnings(ctx)
	if err != nil {
		return
	}
	for _, w := range warnings {
		d.opts.Logger.WarnContext(ctx, "pgstore: "+w)
	}
}

type settings struct {
	fsync, commit, standbys string
	replicas                bool
}

func (s *settings) warnings() (all []string) {
	if s.fsync == "off" {
		all = append(all, "fsync is off, and a crash of the machine may lose or damage everything: set it on")
	}
	switch {
	case s.commit == "off":
		all = append(all, "synchronous_commit is off, and a crash of the server loses the last acknowledged changes: set it on for the role")
	case s.replicas && strings.TrimSpace(s.standbys) == "":
		all = append(all, "replication is asynchronous, and a failover loses the changes that had not reached the new primary: "+
			"set synchronous_standby_names")
	case s.replicas && s.commit == "local":
		all = append(all, "synchronous_commit is local, and a failover loses the changes that had not reached the new primary: set it on for the role")
	}
	return all
}
