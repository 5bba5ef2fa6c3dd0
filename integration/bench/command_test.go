package main

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
)

// BenchmarkCommand measures a new process of the command, without a
// store and on a file of SQLite.
func BenchmarkCommand(b *testing.B) {
	command := buildCommand(b)
	// By the command, too: a child counts as its own what this process has used.
	store := "--store=sqlite:" + filepath.Join(b.TempDir(), "checkpoints.db")
	if _, err := output(b.Context(), "", command, store, "set", "orders", "7@7"); err != nil {
		b.Fatal(err)
	}
	for _, run := range []struct {
		name string
		args []string
	}{
		{"help", []string{"help"}},
		{"get", []string{store, "get", "orders"}},
	} {
		b.Run("run="+run.name, func(b *testing.B) {
			peak := int64(0)
			for range b.N {
				cmd := exec.CommandContext(b.Context(), command, run.args...)
				if out, err := cmd.Output(); err != nil || len(out) == 0 {
					b.Fatalf("%v printed %q, %v", cmd, out, err)
				}
				peak = max(peak, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
			}
			unit := 1024.0
			if runtime.GOOS == "darwin" {
				unit = 1 // bytes there
			}
			b.ReportMetric(float64(peak)*unit/(1<<20), "peak-MiB")
		})
	}
}

// buildCommand builds with the race detector if the test was built so: then all
// that it consists of is there already.
func buildCommand(b *testing.B) string {
	b.Helper()
	command := filepath.Join(b.TempDir(), "checkpoint")
	args := []string{"build", "-o", command}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	if _, err := output(b.Context(), filepath.Join("..", "..", "cmd", "checkpoint"), "go", append(args, ".")...); err != nil {
		b.Fatal(err)
	}
	return command
}
