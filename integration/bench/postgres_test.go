package main

import (
	"context"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/rivals"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// postgresEngine is a server that syncs each commit, as it does for users.
func postgresEngine(b *testing.B) *engine {
	b.Helper()
	server := pgtest.Start(b, "fsync=on")
	return &engine{
		name:  "postgres",
		empty: func(*testing.B) string { return server.NewDatabase() },
		contestants: []contestant{
			{"store", func(ctx context.Context, url string) (driver.Driver, error) {
				return pgstore.Open(ctx, url, &pgstore.Options{AutoMigrate: true})
			}},
			{"pgx", func(ctx context.Context, url string) (driver.Driver, error) { return rivals.OpenPgx(ctx, url) }},
		},
	}
}
