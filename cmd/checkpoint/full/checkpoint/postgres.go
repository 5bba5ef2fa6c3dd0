package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// postgres returns the row of PostgreSQL, complete.
func postgres(row engine.Engine) engine.Engine {
	row.Open = func(ctx context.Context, url string, _ bool, logger *slog.Logger) (driver.Driver, error) {
		d, err := pgstore.Open(ctx, url, &pgstore.Options{Logger: logger})
		switch {
		case errors.Is(err, pgstore.ErrURL):
			return nil, engine.WrongURL(err)
		case errors.Is(err, pgstore.ErrNotMigrated):
			return nil, engine.NoSchema(err)
		case err != nil:
			return nil, err
		}
		return d, nil
	}
	row.Check = checkPostgres
	row.Schema = func(ctx context.Context, url string, apply bool) (string, error) {
		sql, err := pgstore.MigrateURL(ctx, url, nil, apply)
		if errors.Is(err, pgstore.ErrURL) {
			return "", engine.WrongURL(err)
		}
		return sql, err
	}
	return row
}
