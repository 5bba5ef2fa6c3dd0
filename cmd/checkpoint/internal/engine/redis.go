package engine

import (
	"context"
	"errors"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// Redis is the engine of Redis and Valkey.
var Redis = Engine{
	Name:     "Redis",
	Prefixes: []string{"redis://", "rediss://", "unix://"},
	Form:     "redis://HOST:PORT/DB?namespace=prod:, rediss:// or unix://",
	Check:    checkRedis,
	Open: func(ctx context.Context, url string, _ bool, logger *slog.Logger) (driver.Driver, error) {
		redis.SetLogger(silent{})
		d, err := redisstore.Open(ctx, url, &redisstore.Options{Logger: logger})
		switch {
		case errors.Is(err, redisstore.ErrURL):
			return nil, WrongURL(err)
		case err != nil:
			return nil, err
		}
		return d, nil
	},
}

// silent keeps go-redis from printing its errors, which it also returns.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
