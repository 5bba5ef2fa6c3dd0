package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
)

// etcd returns the row of etcd, complete.
func etcd(row engine.Engine) engine.Engine {
	row.Check = checkEtcd
	row.Open = func(ctx context.Context, url string, _ bool, _ *slog.Logger) (driver.Driver, error) {
		d, err := etcdstore.Open(ctx, url, nil)
		switch {
		case errors.Is(err, etcdstore.ErrURL):
			return nil, engine.WrongURL(err)
		case err != nil:
			return nil, err
		}
		return d, nil
	}
	return row
}
