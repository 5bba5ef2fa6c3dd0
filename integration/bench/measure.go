package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A step runs the benchmarks of one folder that match a pattern.
type step struct {
	folder, pattern string
	args            []string // beside the pattern
	once            bool     // in the first round only
}

const self = "integration/bench"

// steps are in the order of a round.
func steps(set settings) []step {
	each, keys := "-test.benchtime="+set.each.String(), "-keys="+strconv.Itoa(set.keys)
	return []step{
		{folder: self + "/startup", pattern: "^BenchmarkCommand$", args: []string{"-test.benchtime=20x"}},
		{folder: "memstore", pattern: "^BenchmarkStore$/^(SetIfNewer|Get|Apply)$/^(goroutines=1|batch=1000)$", args: []string{each}},
		{folder: "subscription", pattern: "^Benchmark(TrackDone|Run)$/^(window=1000|unordered|keys=1000)$", args: []string{each}},
		{folder: self, pattern: "^Benchmark(Call|Server)$", args: []string{each}},
		// A turn of both sides takes a tenth of a second, and a ratio wants several.
		{folder: self, pattern: "^BenchmarkTarget$", args: []string{"-test.benchtime=" + (4 * set.each).String(), keys, "-watched=" + (20 * set.each).String()}},
		{folder: self, pattern: "^Benchmark(Large|Key)$", args: []string{"-test.benchtime=1x", keys}, once: true},
	}
}

// measure writes what the machine is, and what all benchmarks print.
func measure(ctx context.Context, set settings, all []step, out, stderr io.Writer) (err error) {
	root, err := output(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}", "github.com/checkpointstore/checkpoint")
	if err != nil {
		return err
	}
	// A child that is killed leaves its files in here.
	temp, err := os.MkdirTemp("", "checkpoint-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	if err := os.Chmod(temp, 0o711); err != nil { //nolint:gosec // PostgreSQL runs as another user if this one is root
		return err
	}
	if err := writeFacts(ctx, set, filepath.Join(root, "integration"), temp, out); err != nil {
		return err
	}
	for _, s := range all {
		// The binary is run and not `go test`, which would leave it running when
		// it is killed.
		if _, err := output(ctx, filepath.Join(root, s.folder), "go", "test", "-c", "-o", binary(temp, s.folder), "."); err != nil {
			return err
		}
	}
	start := time.Now()
	for round := range set.rounds {
		for _, s := range all {
			if s.once && round > 0 {
				continue
			}
			fmt.Fprintf(stderr, "%4.0f s: round %d of %d: %s in %s\n", time.Since(start).Seconds(), round+1, set.rounds, s.pattern, s.folder)
			if err := s.run(ctx, root, temp, out); err != nil {
				return err
			}
		}
	}
	return nil
}

func binary(temp, folder string) string {
	return filepath.Join(temp, strings.ReplaceAll(folder, "/", "_")+".test")
}

func (s step) run(ctx context.Context, root, temp string, out io.Writer) error {
	cmd := exec.CommandContext(ctx, binary(temp, s.folder), append([]string{
		"-test.run=^$", "-test.timeout=1h", "-test.bench=" + s.pattern,
	}, s.args...)...)
	cmd.Dir = filepath.Join(root, s.folder)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &stderr
	return explain(ctx, cmd, cmd.Run(), stderr.Bytes())
}

func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := explain(ctx, cmd, cmd.Run(), stderr.Bytes())
	return strings.TrimSpace(stdout.String()), err
}

func explain(ctx context.Context, cmd *exec.Cmd, err error, stderr []byte) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, stderr)
	}
	return nil
}
