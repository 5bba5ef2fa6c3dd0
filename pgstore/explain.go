package pgstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrReplica says that a replica answered. Its primary may have a key that the replica
// lacks.
var ErrReplica error = &hinted{
	"the server is a replica, which may not know yet what was written",
	"name the primary, or name all servers in the URL: the driver finds the primary",
}

// errReadOnly: a provider may have set it because the disk is full.
var errReadOnly = &hinted{
	"the database takes no writes now",
	"look at why default_transaction_read_only is on, and set it off for the database or the role",
}

var (
	errUnreachable = &hinted{"PostgreSQL cannot be reached", "look at whether the server runs, and at the address"}
	errNoTLS       = &hinted{"the server does not speak TLS", "set ssl = on at the server, or sslmode=disable in the URL if you trust the network"}
	errPermission  = &hinted{"the role lacks a permission", "grant the role what docs/postgres.md lists"}
	errLogin       = &hinted{"PostgreSQL refuses the user", "look at the user and the password, and at the server's pg_hba.conf"}
	errFull        = &hinted{"the disk of the server is full", "make room on the server's disk: the driver works again then"}
	errCrowded     = &hinted{"the server has no connection left", "lower pool_max_conns in the URL, raise max_connections, or use a pooler"}
	errStopping    = &hinted{"the server ends or begins", "call again when the server accepts connections"}
	errPrepared    = &hinted{
		"a pooler stands before the server and does not follow prepared statements",
		"use Open, or set default_query_exec_mode=exec for the pool",
	}
)

// meanings say what PostgreSQL's errors mean here.
var meanings = map[string]error{
	codeNoTable:  ErrNotMigrated,
	codeNoSchema: ErrNotMigrated,
	"42703":      &hinted{"the tables of the checkpoint store lack a column", "restore the tables as pgstore.SchemaSQL makes them"},

	codeReadOnly: errReadOnly,
	"42501":      errPermission,

	"28000": errLogin,
	"28P01": errLogin,
	"3D000": &hinted{"the server has no such database", "look at the name of the database, or create it"},

	"57014": &hinted{"the server canceled the statement", "raise the role's statement_timeout, or look at who canceled"},
	"55P03": &hinted{"another transaction keeps the rows locked for longer than lock_timeout", "end that transaction, or raise the role's lock_timeout"},
	codeIdleInTx: &hinted{
		"the server ended a transaction that waited for its client", "raise the role's idle_in_transaction_session_timeout, or look at why the client stood still",
	},
	codeIdle: &hinted{"the server ended an idle connection", "set pool_max_conn_idle_time below the role's idle_session_timeout"},
	"25P04":  &hinted{"the server ended a transaction that took too long", "raise the role's transaction_timeout"},

	"53100": errFull,
	"53200": &hinted{"the server is out of memory", "look at the memory of the server"},
	"53300": errCrowded,
	"58030": &hinted{"the server cannot use its disk", "look at the server's log, and at its disk"},

	"57P01": errStopping,
	"57P02": errStopping,
	"57P03": errStopping,

	"26000": errPrepared,
	"42P05": errPrepared,
}

// explain returns err with what it means, and the remedy.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if m := meaning(err); m != nil {
		return fmt.Errorf("pgstore: %w: %w", m, err)
	}
	return fmt.Errorf("pgstore: %w", err)
}

// meaning returns nil if err has none beyond its text, or says it already.
func meaning(err error) error {
	if _, ok := errors.AsType[*hinted](err); ok {
		return nil
	}
	if m := meanings[code(err)]; m != nil {
		return m
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	switch {
	case errors.Is(err, pgconn.ErrStandbyConnection):
		return ErrReplica
	case errors.Is(err, pgconn.ErrReadOnlyConnection):
		return errReadOnly
	case connecting && strings.Contains(err.Error(), "server refused TLS connection"):
		return errNoTLS
	case connecting && (code(err) == "" || code(err) == codePooler):
		return errUnreachable
	}
	return nil
}
