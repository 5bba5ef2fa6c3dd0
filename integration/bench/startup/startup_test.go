// Package startup measures the command. It links next to nothing: Linux says of a process
// that it had as much memory as the one that started it.
package startup

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
	do(b, exec.CommandContext(b.Context(), command, store, "set", "orders", "7@7"))
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
				do(b, cmd)
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
	build := exec.CommandContext(b.Context(), "go", append(args, ".")...)
	build.Dir = filepath.Join("..", "..", "..", "cmd", "checkpoint")
	do(b, build)
	return command
}

func do(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}
