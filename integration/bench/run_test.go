package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRun goes through everything but SQLite, whose driver would be built a
// second time for it, so that what only benchmarks call cannot rot.
func TestRun(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"-short", "-time", "10ms", "-engines", "memory,redis"}, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	text := stdout.String()
	for _, want := range []string{
		"## Memory\n", "## Redis\n",
		"\n| SetIfNewer, 1024 goroutines | ", "\n| Get, 1 goroutine | ", "\n| Apply, batches of 1000 | ", "\n| GetAll | ",
		"\n| call | this store | plain go-redis | ratio | rueidis | ratio |\n", "\n| the store's script | ", "\n| HSET of the same fields | ",
		"\n| the store's hash with an epoch | ", "\n| the string commit@prepare | ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	if found := regexp.MustCompile(`\| (–|0|-\d\S*|NaN|\+?Inf) \|`).FindString(text); found != "" {
		t.Errorf("the output has the number %q", found)
	}
	if t.Failed() {
		t.Logf("the output:\n%s", text)
	}
	leavesNothing(t, temp)
}

func TestInterruptedRunLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	// The title of an engine is printed just before its servers start.
	out := writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("## Redis")) {
			cancel()
		}
		return len(p), nil
	})
	var stderr bytes.Buffer
	if err := run(ctx, []string{"-engines", "redis,memory"}, out, &stderr); err == nil {
		t.Error("an interrupted run returned no error")
	}
	if strings.Contains(stderr.String(), "memory") {
		t.Error("an interrupted run went on to the next engine")
	}
	leavesNothing(t, temp)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// leavesNothing checks that no file is left in dir, and, where the system
// tells, no process that works in there.
func leavesNothing(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("left behind: %s", e.Name())
	}
	folders, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if cwd, err := os.Readlink(f); err == nil && strings.HasPrefix(cwd, dir) {
			t.Errorf("left running: %s in %s", filepath.Dir(f), cwd)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-engines", "papyrus"}, {"-time", "0s"}, {"redis"}, {"-engines", ""}} {
		var stdout, stderr bytes.Buffer
		if err := run(t.Context(), args, &stdout, &stderr); err == nil {
			t.Errorf("run(%q) returned no error", args)
		}
		if stdout.Len() > 0 {
			t.Errorf("run(%q) printed %q", args, &stdout)
		}
	}
}
