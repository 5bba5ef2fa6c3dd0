package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Check(m, etcdtest.Leftovers...).Run()) }

func TestMeasure(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	set := settings{rounds: 2, each: time.Millisecond}
	var out, stderr bytes.Buffer
	err := measure(t.Context(), set, []step{
		{folder: "tracker", pattern: "TrackAck/window=1$", args: []string{"-test.benchtime=1x"}},
		{folder: "tracker", pattern: "TrackAck/random", args: []string{"-test.benchtime=1x"}, once: true},
	}, &out, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if strings.Count(text, "BenchmarkTrackAck/window=1") != 2 || strings.Count(text, "BenchmarkTrackAck/random/window=1000") != 1 {
		t.Errorf("printed is\n%s", text)
	}
	found, err := parse(text)
	if err != nil || len(found.results) != 2 || len(found.facts) != 6 {
		t.Errorf("found is %+v, %v", found, err)
	}
	isEmpty(t, temp)
}

func TestInterruptedRunLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	out := writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("pkg:")) {
			cancel()
		}
		return len(p), nil
	})
	err := measure(ctx, settings{rounds: 1}, []step{
		{folder: "memstore", pattern: "Store/Get/goroutines=1$", args: []string{"-test.benchtime=1h"}},
	}, out, new(bytes.Buffer))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted run returned %v", err)
	}
	isEmpty(t, temp)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func isEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind are %v, %v", entries, err)
	}
}

// TestFormerRunFillsThePages goes from the text of a run to the project's pages.
func TestFormerRunFillsThePages(t *testing.T) {
	docs := t.TempDir()
	paths, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil || len(paths) < 5 {
		t.Fatalf("the pages are %q, %v", paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(docs, filepath.Base(path)), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	from := filepath.Join("testdata", "run.txt")
	for range 2 { // what is filled can be filled again
		if err := run(t.Context(), []string{"-from", from, "-docs", docs}, &stdout, &stderr); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(docs, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n| servers | redis-server 7.0.15 |\n",
		"\n| SetIfNewer, goroutines 64 | 46,100 | 66,700 | 0.69 | 22,500 | 2.05 | 50,300 | 0.92 |\n",
		"\n| GetAll | 87,200 | – | – | 205,000 | 0.42 | 163,000 | 0.54 |\n",
		"\n| SetIfNewer, goroutines 1024 | 15.6 ms | 23.1 ms | 12.2 ms | 15.7 ms | 15.8 ms | 24.4 ms |\n",
		"\n| SetIfNewer, goroutines 64 | 32,000 | 7,510 | 4.26 |\n",
		"\n| SetIfNewer, goroutines 64 | 17,300 | 8,630 | 2.01 |\n",
		"\n| epoch | 11.2 µs | – | – |\n",
		"\n| redis, keys 2000, KEYS and DEL | 99,200 | 218,000 | 783,000 | 446 µs | 230 |\n",
		"\n| Run, keys 1000, workers 2 | 530 ns | 0 |\n",
		"\n| get | 12.2 ms | 14.4 |\n",
	} {
		if strings.Count(string(text), want) != 1 {
			t.Errorf("the page lacks %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", text)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{"redis"},
		{"-time", "0s"},
		{"-rounds", "0"},
		{"-keys", "0"},
		{"-from", filepath.Join(t.TempDir(), "no-such-file")},
		{"-docs", t.TempDir()}, // no page has a place for a table
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
