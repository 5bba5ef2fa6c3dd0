package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// runBenchmarks builds the tests of the package in folder and runs those of
// their benchmarks that match pattern. It runs the test binary itself and not `go test`, which would
// leave the binary running where it is interrupted.
func runBenchmarks(ctx context.Context, h *host, folder, pattern string, each time.Duration) ([]measurement, error) {
	root, err := projectRoot(ctx)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, folder)
	temp := h.TempDir()
	binary := filepath.Join(temp, "store.test")
	if _, err := output(ctx, dir, "go", "test", "-c", "-o", binary, "."); err != nil {
		return nil, err
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("%s has no tests: %w", dir, err)
	}
	cmd := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.timeout", "1h",
		"-test.bench", pattern, "-test.benchtime", each.String())
	cmd.Dir = dir
	// What the child makes is then removed with everything else, however it ends.
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	text, err := outputOf(ctx, cmd)
	if err != nil {
		return nil, err
	}
	return parse(text)
}

// projectRoot is the folder of the module that the others lie in.
func projectRoot(ctx context.Context) (string, error) {
	return output(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}", "github.com/checkpointstore/checkpoint")
}

func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	return outputOf(ctx, cmd)
}

func outputOf(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return strings.TrimSpace(stdout.String()), nil
}
