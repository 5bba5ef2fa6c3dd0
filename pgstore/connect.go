package pgstore

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// connect returns a pool for a URL. The pool uses no replica. It prepares statements,
// unless a pooler stands before the server: a pooler in transaction mode sends each
// transaction to any server, and statements are prepared on one.
func connect(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	c := config.ConnConfig
	if c.ValidateConnect == nil {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	}
	if !strings.Contains(url, "default_query_exec_mode") {
		pooled, err := isPooled(ctx, c)
		if err != nil {
			return nil, err
		}
		if pooled {
			c.DefaultQueryExecMode = pgx.QueryExecModeExec
		}
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// isPooled reports whether a pooler stands before the server. A pooler gives each client
// a number of its own, and not that of the server's process.
func isPooled(ctx context.Context, config *pgx.ConnConfig) (bool, error) {
	conn, err := pgconn.ConnectConfig(ctx, &config.Config)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.Exec(ctx, "SELECT pg_backend_pid()").ReadAll()
	if err != nil {
		return false, err
	}
	return string(results[0].Rows[0][0]) != strconv.FormatUint(uint64(conn.PID()), 10), nil
}
