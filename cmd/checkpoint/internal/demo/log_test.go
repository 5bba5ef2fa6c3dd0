package demo

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
)

func newLog(t *testing.T, events int) (string, logSummary) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	summary, err := writeLog(t.Context(), path, events)
	if err != nil {
		t.Fatal(err)
	}
	return path, summary
}

func collectLog(path string, after checkpoint.Position) (all []Event, err error) {
	for e, err := range readLog(path, after) {
		if err != nil {
			return all, err
		}
		all = append(all, e)
	}
	return all, nil
}

func TestReadLogFromEveryPosition(t *testing.T) {
	path, summary := newLog(t, 400)
	all, err := collectLog(path, checkpoint.Position{})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 400 || summary.Events != 400 || all[0].Position != summary.First || all[399].Position != summary.Last ||
		all[119].Position != summary.Hold || all[119+workers+1].Position != summary.Past || all[239].Position != summary.Wake {
		t.Fatalf("read %d events of %+v", len(all), summary)
	}
	for i, e := range all {
		if i > 0 && e.Position.Compare(all[i-1].Position) <= 0 {
			t.Fatalf("event %d is at %s, after %s", i, e.Position, all[i-1].Position)
		}
		rest, err := collectLog(path, e.Position)
		if err != nil || !slices.Equal(rest, all[i+1:]) {
			t.Fatalf("after event %d at %s: %d events, %v", i, e.Position, len(rest), err)
		}
	}
}

// TestLogNeedsAllBits checks that the log needs exact positions: only the prepare tells
// the lines of one order apart, and neighbours are the same as a double.
func TestLogNeedsAllBits(t *testing.T) {
	path, _ := newLog(t, 400)
	all, err := collectLog(path, checkpoint.Position{})
	if err != nil {
		t.Fatal(err)
	}
	sameCommit := 0
	doubles := map[float64]bool{}
	for i, e := range all {
		doubles[float64(e.Position.Prepare)] = true
		if i > 0 && e.Position.Commit == all[i-1].Position.Commit {
			sameCommit++
		}
	}
	if sameCommit == 0 {
		t.Error("no two events share a commit")
	}
	if len(doubles) > len(all)/2 {
		t.Errorf("%d events are %d doubles", len(all), len(doubles))
	}
}

func TestCheckpointOfAnotherLog(t *testing.T) {
	path, summary := newLog(t, 400)
	first, last := summary.First, summary.Last
	for name, p := range map[string]checkpoint.Position{
		"another commit":      {Commit: first.Commit + 1, Prepare: first.Prepare},
		"within a line":       {Commit: first.Commit, Prepare: first.Prepare + 1},
		"after the end":       {Commit: logStart + uint64(summary.Bytes), Prepare: logStart + uint64(summary.Bytes)},
		"far after the end":   {Commit: math.MaxUint64, Prepare: math.MaxUint64},
		"before the start":    {Commit: 12, Prepare: 12},
		"of a commit only":    {Commit: last.Commit},
		"just before it":      {Commit: logStart - 1, Prepare: logStart - 1},
		"offset without sign": {Commit: logStart + 1<<63, Prepare: logStart + 1<<63},
	} {
		all, err := collectLog(path, p)
		if len(all) > 0 || err == nil || !strings.Contains(err.Error(), "the checkpoint belongs to another log") {
			t.Errorf("%s, %s: %d events, %v", name, p, len(all), err)
		}
	}
}

func TestWriteLogStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := writeLog(ctx, filepath.Join(t.TempDir(), "log"), 400); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
}

// TestTailLog reads a log of which only half a line is written, and then the rest.
func TestTailLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := startLog(path, 50)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if err := l.grow(50); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := collectLog(path, checkpoint.Position{})
	if err != nil {
		t.Fatal(err)
	}
	torn := len(whole) - 10
	if err := l.f.Truncate(int64(torn)); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(5*tailEvery, func() {
		if _, err := l.f.WriteAt(whole[torn:], int64(torn)); err != nil {
			t.Error(err)
		}
	})
	var got []Event
	for e, err := range tailLog(t.Context(), path, checkpoint.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, e); len(got) == len(all) {
			break
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("read %d events of %d", len(got), len(all))
	}
}
