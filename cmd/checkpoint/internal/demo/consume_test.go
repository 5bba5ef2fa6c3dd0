package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
)

var errCrash = errors.New("crash")

// crashAfter gives answers to n reports, and ends the consumer at the next.
func crashAfter(ctx context.Context, n int) (context.Context, *reporter) {
	ctx, cancel := context.WithCancelCause(ctx)
	stdin, answers := io.Pipe()
	stdout := writerFunc(func(string) {
		if n--; n < 0 {
			answers.Close()
			return
		}
		_, _ = answers.Write([]byte{'\n'})
	})
	return ctx, newReporter(stdin, stdout, func() { cancel(errCrash) })
}

// TestConsumeCrashes ends a consumer between work and checkpoint, again and
// again, and cuts its file off as a power loss may.
func TestConsumeCrashes(t *testing.T) {
	dir := t.TempDir()
	if _, err := writeLog(t.Context(), logPath(dir), testEvents); err != nil {
		t.Fatal(err)
	}
	c, err := consumerAt(victim)
	if err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(memstore.New(), nil)
	crashes := 0
	for {
		ctx, report := crashAfter(t.Context(), crashes%4+1)
		err := consume(ctx, store, task{Key: victim, Dir: dir, Every: testEvery, Epoch: uint64(crashes + 1)}, report)
		if err == nil {
			break
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		if crashes++; crashes > testEvents {
			t.Fatal("it does not get on")
		}
		f, err := os.OpenFile(c.effectsPath(dir), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString("0123abcd\t11529215046")
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	v, err := examine(t.Context(), dir, c)
	if err != nil {
		t.Fatal(err)
	}
	// The last crash may have come when all was done.
	if crashes < 5 || v.Replayed != crashes*testEvery && v.Replayed != (crashes-1)*testEvery {
		t.Errorf("replayed %d after %d crashes", v.Replayed, crashes)
	}
	if v.Events != testEvents || v.Skipped+v.Foreign != 0 || !v.ReportRight {
		t.Errorf("after %d crashes: %+v", crashes, v)
	}
}

// TestConsumeRefuses puts a checkpoint where a consumer must not go on from.
func TestConsumeRefuses(t *testing.T) {
	dir := t.TempDir()
	log, err := writeLog(t.Context(), logPath(dir), testEvents)
	if err != nil {
		t.Fatal(err)
	}
	c, err := consumerAt(victim)
	if err != nil {
		t.Fatal(err)
	}
	foreign := Effect{Position: checkpoint.Position{Commit: 12, Prepare: 12}, Name: "teapot", Amount: 1}
	for name, tc := range map[string]struct {
		at      checkpoint.Position
		effects []Effect
		want    string
	}{
		"past its effects": {log.Last, nil, "the events between would be skipped"},
		"of another log":   {foreign.Position, []Effect{foreign}, "the checkpoint belongs to another log"},
	} {
		store := checkpoint.New(memstore.New(), nil)
		if err := store.Set(t.Context(), victim, tc.at); err != nil {
			t.Fatal(err)
		}
		os.Remove(c.effectsPath(dir))
		if err := writeEffects(c.effectsPath(dir), tc.effects); err != nil {
			t.Fatal(err)
		}
		ctx, report := crashAfter(t.Context(), testEvents)
		err := consume(ctx, store, task{Key: victim, Dir: dir, Every: testEvery, Epoch: 1}, report)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
	}
}

// TestOrphan ends the supervisor's side of a consumer, as its death would.
func TestOrphan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := writeLog(t.Context(), logPath(dir), testEvents); err != nil {
		t.Fatal(err)
	}
	r := newTestRun(t, "honest", sqlitePath(t))
	child, err := startProcess(t.Context(), r.Command, r.Store, task{
		Key: victim, Dir: dir, Temporary: true, Every: testEvery, Epoch: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	var p progress
	if err := child.next(&p); err != nil || p.Events != testEvery || p.Checkpoints != 0 {
		got, _ := json.Marshal(p)
		t.Errorf("the first report is %s, %v", got, err)
	}
	child.stdin.Close()
	if err := child.wait(); err == nil || !strings.Contains(err.Error(), errOrphaned.Error()) {
		t.Errorf("it ended with %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is left: %v", err)
	}
}
