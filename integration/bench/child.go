package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// benchmarks are those of one package, built.
type benchmarks struct{ binary, dir, temp string }

// buildBenchmarks builds the tests of the package in folder, once. It runs the test
// binary itself and not `go test`, which would leave the binary running where
// it is interrupted.
func buildBenchmarks(ctx context.Context, h *host, folder string) (*benchmarks, error) {
	if b := h.built[folder]; b != nil {
		return b, nil
	}
	root, err := projectRoot(ctx)
	if err != nil {
		return nil, err
	}
	b := &benchmarks{dir: filepath.Join(root, folder), temp: h.TempDir()}
	b.binary = filepath.Join(b.temp, "package.test")
	if _, err := output(ctx, b.dir, "go", buildArgs("test", "-c", "-o", b.binary, ".")...); err != nil {
		return nil, err
	}
	if _, err := os.Stat(b.binary); err != nil {
		return nil, fmt.Errorf("%s has no tests: %w", folder, err)
	}
	h.built[folder] = b
	return b, nil
}

// buildArgs builds with the race detector where this program was: that is in
// tests, where everything else has been built so before.
func buildArgs(command string, args ...string) []string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-race" && s.Value == "true" {
				return append([]string{command, "-race"}, args...)
			}
		}
	}
	return append([]string{command}, args...)
}

// run runs the benchmarks that match pattern.
func (b *benchmarks) run(ctx context.Context, pattern string, set settings) ([]measurement, error) {
	each := set.each.String()
	if set.short {
		each = "1x"
	}
	cmd := exec.CommandContext(ctx, b.binary, "-test.run", "^$", "-test.timeout", "1h",
		"-test.bench", pattern, "-test.benchtime", each)
	cmd.Dir = b.dir
	// What the child makes is then removed with everything else, however it ends.
	cmd.Env = append(os.Environ(), "TMPDIR="+b.temp)
	text, err := outputOf(ctx, cmd)
	if err != nil {
		return nil, err
	}
	found, err := parse(text)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s has no benchmark %s", b.dir, pattern)
	}
	return found, err
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
