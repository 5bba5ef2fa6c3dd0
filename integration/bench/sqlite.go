package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/rivals"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

const appends = "BenchmarkAppendFsync"

func measureSQLite(ctx context.Context, h *host, r *report) error {
	c := contest{folder: "sqlitestore", rivals: []rival{{"sql", "plain SQL"}, {"bbolt", "bbolt"}}}
	c.limit = func(_ context.Context, name string) (float64, error) {
		if isWrite(name) {
			return c.extra[appends], nil
		}
		return 0, nil
	}
	if err := c.run(ctx, h, r.set); err != nil {
		return err
	}
	limit := r.rate(c.extra, appends)
	r.table("sqlite", c.table())
	c.summarize(r, "SQLite")
	r.chart("throughput-sqlite", c.throughput("SQLite: durable writes over concurrency", "append and fsync"))
	r.compare("sqlite-1", r.rate(c.ours, single+"1"), limit)
	r.compare("sqlite-64", r.rate(c.ours, single+"64"), limit)
	r.compare("sqlite-512", r.rate(c.ours, single+"512"), limit)

	r.progress("sqlite: latency")
	err := measureLatency(ctx, r, "latency-sqlite", "SQLite: how long a durable write takes",
		contender{"this store", func(ctx context.Context) (driver.Driver, error) {
			return sqlitestore.Open(ctx, filepath.Join(h.TempDir(), "checkpoints.db"), nil)
		}},
		contender{"plain SQL", func(ctx context.Context) (driver.Driver, error) {
			return rivals.OpenSQL(ctx, filepath.Join(h.TempDir(), "plain.db"))
		}},
	)
	if err != nil {
		return err
	}
	r.progress("sqlite: more and more keys")
	costs, err := measureCosts(ctx, r, sizedFiles(h))
	if err != nil {
		return err
	}
	r.reach("sqlite-getall", 1e9/costs[len(costs)-1].getAll)
	return r.showCosts("keys-sqlite", "SQLite: what a checkpoint costs as there are more", "bytes of the file", costs)
}

// sizedFiles are files of their own.
func sizedFiles(h *host) sized {
	path := ""
	open := func(ctx context.Context) (*checkpoint.Store, error) {
		d, err := sqlitestore.Open(ctx, path, nil)
		if err != nil {
			return nil, err
		}
		return checkpoint.New(d, nil), nil
	}
	return sized{
		open: func(ctx context.Context) (*checkpoint.Store, error) {
			path = filepath.Join(h.TempDir(), "checkpoints.db")
			return open(ctx)
		},
		bytes: func(context.Context) (int64, error) {
			info, err := os.Stat(path)
			if err != nil {
				return 0, err
			}
			return info.Size(), nil
		},
		reopen: open,
	}
}
