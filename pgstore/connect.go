package pgstore

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// connect returns a pool that uses no replica. It prepares statements, unless the URL has
// chosen otherwise, or a pooler stands before the server: a pooler in transaction mode sends each
// transaction to any server, and statements are prepared on one.
func connect(ctx context.Context, config *pgxpool.Config, chosen bool) (*pgxpool.Pool, error) {
	c := config.ConnConfig
	if c.ValidateConnect == nil {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	}
	if !chosen {
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
