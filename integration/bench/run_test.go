package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// TestRun goes through everything, so that what only benchmarks call cannot rot.
func TestRun(t *testing.T) {
	temp, out := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	stale := filepath.Join(out, chartFolder, "of-a-former-run.svg")
	if err := errors.Join(os.Mkdir(filepath.Dir(stale), 0o755), os.WriteFile(stale, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"-short", "-keys", "100000", "-out", out}, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	text := readFile(t, filepath.Join(out, reportName))
	for _, want := range []string{
		"**A short run", "\n## In short\n", "\n## Targets\n", "\n## Redis\n", "\n## SQLite\n", "\n## The command\n",
		"\n| Redis, SetIfNewer by 256 goroutines: over the limit | at least 0.6 | ", "\n| redis-server | ",
		"\n| SetIfNewer, 1024 goroutines | ", "\n| Get, 1 goroutine | ", "\n| Apply, batches of 1000 | ", "\n| GetAll | ",
		"\n| call | this store | limit | ratio | plain go-redis | ratio | rueidis | ratio |\n",
		"\n| call | this store | limit | ratio | plain SQL | ratio | bbolt | ratio |\n",
		"\n| the store's script | ", "\n| HSET of the same fields | ", "\n| the store's, a newer position and an epoch | ",
		"\n| the store's hash with an epoch | ", "\n| the string commit@prepare | ",
		"\n| KEYS *, and DEL of 1000 keys at a time | ", "\n| *10,000* (extrapolated) | ",
		"\n| tracker, Track and Ack, 1 in flight | ", "\n| subscription, Run, unordered, 2 workers | ", "\n| median | ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if found := regexp.MustCompile(`\| \*?(-\d|NaN|\+?Inf)[^|]*\|`).FindString(text); found != "" {
		t.Errorf("the report has the number %q", found)
	}
	drawn, err := filepath.Glob(filepath.Join(out, chartFolder, "*"))
	if err != nil || len(drawn) != 6 {
		t.Errorf("the charts are %q, %v", drawn, err)
	}
	for _, path := range drawn {
		if link := "](" + chartFolder + "/" + filepath.Base(path) + ")"; !strings.Contains(text, link) || !strings.Contains(readFile(t, path), "</svg>") {
			t.Errorf("the report does not show %s, or it is no picture", path)
		}
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) != 2 {
		t.Errorf("written are %v, %v", entries, err)
	}
	if t.Failed() {
		t.Logf("the report:\n%s\n%s", text, &stderr)
	}
	leavesNothing(t, temp)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestInterruptedRunLeavesNothing(t *testing.T) {
	temp, out := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	former := filepath.Join(out, reportName)
	if err := os.WriteFile(former, []byte("of a former run"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	// What is measured is said just before.
	var said strings.Builder
	stderr := writerFunc(func(p []byte) (int, error) {
		if said.Write(p); strings.Contains(said.String(), "command") {
			cancel()
		}
		return len(p), nil
	})
	var stdout bytes.Buffer
	if err := run(ctx, []string{"-out", out}, &stdout, stderr); err == nil {
		t.Error("an interrupted run returned no error")
	}
	if strings.Contains(said.String(), "memory") {
		t.Error("an interrupted run went on to the next part")
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) != 1 || readFile(t, former) != "of a former run" {
		t.Errorf("an interrupted run left %v, %v", entries, err)
	}
	leavesNothing(t, temp)
}

// TestInterruptedWalkLeavesNothing ends a run while a server and a client of it
// are at work.
func TestInterruptedWalkLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	h := &host{dir: t.TempDir()}
	server := redistest.Start(h, "appendonly no")
	times, err := during(ctx, server.Addr(), func() error {
		cancel()
		return sleep(ctx, time.Hour)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", times, err)
	}
	if err := h.cleanup(); err != nil {
		t.Error(err)
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
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-parts", "papyrus"},
		{"-parts", ""},
		{"-time", "0s"},
		{"-keys", "999"},
		{"redis"},
		{"-parts", "redis", "-out", t.TempDir()},
		{"-out", filepath.Join(file, "folder")},
	} {
		var stdout, stderr bytes.Buffer
		if err := run(t.Context(), args, &stdout, &stderr); err == nil {
			t.Errorf("run(%q) returned no error", args)
		}
		if stdout.Len() > 0 {
			t.Errorf("run(%q) printed %q", args, &stdout)
		}
	}
}
