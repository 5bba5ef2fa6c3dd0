package main

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// measureCommand starts `checkpoint get` again and again, on a file that
// another process made.
func measureCommand(ctx context.Context, h *host, r *report) error {
	root, err := projectRoot(ctx)
	if err != nil {
		return err
	}
	temp := h.TempDir()
	binary := filepath.Join(temp, "checkpoint")
	if _, err := output(ctx, filepath.Join(root, "cmd", "checkpoint"), "go", buildArgs("build", "-o", binary, ".")...); err != nil {
		return err
	}
	path := filepath.Join(temp, "checkpoints.db")
	d, err := sqlitestore.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	store := checkpoint.New(d, nil)
	err = fill(ctx, store, 1000, 1)
	if closeErr := store.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	processes := 20
	if r.set.short {
		processes = 3
	}
	var times, idle []time.Duration
	memory := 0.0
	for range processes {
		took, _, err := timeCommand(ctx, binary, "help")
		if err != nil {
			return err
		}
		idle = append(idle, took)
		took, resident, err := timeCommand(ctx, binary, "--store", "sqlite:"+path, "get", benchKey(0))
		if err != nil {
			return err
		}
		times, memory = append(times, took), max(memory, resident)
	}
	slices.Sort(times)
	slices.Sort(idle)
	median := times[len(times)/2]
	r.table("command", [][]string{
		{"`checkpoint get` on SQLite", "measured"},
		{fmt.Sprintf("best of %d processes", processes), duration(times[0])},
		{"median", duration(median)},
		{"slowest", duration(times[len(times)-1])},
		{"median of `checkpoint help`, which opens no store", duration(idle[len(idle)/2])},
		{"resident memory at its highest", rounded(memory) + " MiB"},
	})
	r.reach("command-time", float64(median)/1e6)
	r.reach("command-memory", memory)
	return nil
}

// timeCommand runs a command, and returns how long that took and how many MiB
// of memory it had at most.
func timeCommand(ctx context.Context, name string, args ...string) (time.Duration, float64, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	start := time.Now()
	_, err := outputOf(ctx, cmd)
	took := time.Since(start)
	if err != nil {
		return 0, 0, err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, math.NaN(), nil
	}
	unit := 1024.0
	if runtime.GOOS == "darwin" {
		unit = 1 // bytes there
	}
	return took, float64(usage.Maxrss) * unit / (1 << 20), nil
}
