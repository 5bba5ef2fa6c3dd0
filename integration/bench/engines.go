package main

import (
	"context"
	"fmt"
	"io"
)

// An engine is one of the stores, and how it is measured.
type engine struct {
	name       string
	title      string
	durability string
	measure    func(ctx context.Context, h *host, set settings, out io.Writer) error
}

var engines = []engine{
	{
		name: "memory", title: "Memory",
		durability: "Nothing outlives the process. The limit is a Go map under one mutex.",
		measure:    measureMemory,
	},
	{
		name: "sqlite", title: "SQLite",
		durability: "WAL, synchronous=FULL: every write is on the disk when the call returns. " +
			"The limit of a write is one writer that appends a page of 4096 bytes to a file in the same folder and calls fsync, " +
			"over and over; calls that wait together share an fsync, so that the ratio may be far above one.",
		measure: measureSQLite,
	},
	{
		name: "redis", title: "Redis",
		durability: "No persistence (no snapshots, no append-only file): nothing survives the server. " +
			"Client and server share this machine's processors. The limit is redis-benchmark -P 64 (64 commands in flight on " +
			"each of 50 connections) against a server of the same configuration, with random keys, as many as the " +
			"benchmark uses: of a write the store's own script by EVALSHA with the same arguments, of a read HMGET and PTTL in turn.",
		measure: measureRedis,
	},
}

// measureStore runs the benchmarks of the module in folder and writes them as a
// table beside limits, by the names of the benchmarks. Then it does so for the
// rivals, if there are any.
func measureStore(
	ctx context.Context, h *host, set settings, folder string,
	limits func([]measurement) map[string]float64, rivals []rival, out io.Writer,
) error {
	found, err := runBenchmarks(ctx, h, folder, "^Benchmark(Store|AppendFsync)$", set.each)
	if err != nil {
		return err
	}
	rows := storeRows(found, limits(found))
	if len(rows) == 0 {
		return fmt.Errorf("the tests of %s have no benchmark named BenchmarkStore", folder)
	}
	writeStoreTable(out, rows)
	if rivals == nil {
		return nil
	}
	return writeRivals(ctx, h, set, found, rivals, out)
}

// measureSQLite takes the limit from a benchmark of the store's own module.
func measureSQLite(ctx context.Context, h *host, set settings, out io.Writer) error {
	return measureStore(ctx, h, set, "sqlitestore", func(found []measurement) map[string]float64 {
		limits := make(map[string]float64)
		appends := 0.0
		for _, m := range found {
			if m.name == "BenchmarkAppendFsync" {
				appends = m.perSecond
			}
		}
		for _, m := range found {
			if isWrite(m.name) {
				limits[m.name] = appends
			}
		}
		return limits
	}, []rival{{"sql", "plain SQL"}, {"bbolt", "bbolt"}}, out)
}
