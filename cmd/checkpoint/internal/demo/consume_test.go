package demo

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

func waitUntil(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to this: %s", what)
		}
	}
}

// TestConsumeCrashes kills a consumer between work and acknowledgement, again and again.
// Every other time it waits for a checkpoint first. It cuts the consumer's file off, as a
// kill may.
func TestConsumeCrashes(t *testing.T) {
	t.Parallel()
	r := newTestRun(t, "honest", sqlitePath(t))
	store := r.prepare(t)
	events, err := collectLog(logPath(r.Dir), checkpoint.Position{})
	if err != nil {
		t.Fatal(err)
	}
	const crashes = 5
	var before grant
	for n := 1; n <= crashes; n++ {
		work := task{Key: ours.key, Owner: ours.instance(n), Dir: r.Dir, Hold: events[n*testEvents/(crashes+1)].Position}
		child, err := startProcess(t.Context(), r.Command, r.Store, work)
		if err != nil {
			t.Fatal(err)
		}
		var g grant
		if err := child.report(&g); err != nil {
			t.Fatal(err)
		}
		if g.Epoch <= before.Epoch || g.Resume.Compare(before.Resume) < 0 {
			t.Errorf("after %+v it was granted %+v", before, g)
		}
		before = g
		path := effectsPath(r.Dir, work.Owner)
		waitUntil(t, "it holds", func() bool {
			all, err := collectEffects(path)
			return err == nil && slices.ContainsFunc(all, func(e Effect) bool { return e.Position.Compare(work.Hold) > 0 })
		})
		if n%2 == 1 {
			waitUntil(t, "it stores a checkpoint", func() bool {
				cp, err := store.Get(t.Context(), ours.key)
				return err == nil && cp.Position.Compare(g.Resume) > 0
			})
		}
		child.kill()
		cutOff(t, path)
		if _, err := store.Revoke(t.Context(), ours.key); err != nil {
			t.Fatal(err)
		}
	}
	child, err := startProcess(t.Context(), r.Command, r.Store, task{Key: ours.key, Owner: "stock-last", Dir: r.Dir})
	if err != nil {
		t.Fatal(err)
	}
	if <-child.ended; child.err != nil {
		t.Fatal(child.err)
	}
	v, err := examine(t.Context(), r.Dir, ours)
	if err != nil {
		t.Fatal(err)
	}
	if v.Events != testEvents || v.Skipped+v.Foreign != 0 || v.Repeated < crashes {
		t.Errorf("after %d crashes: %+v", crashes, v)
	}
}

// cutOff leaves the first half of a line at the end of a file.
func cutOff(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("0123abcd\t11529215046")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// prepare writes the log and a checkpoint before its start, as a run does.
func (r *testRun) prepare(t *testing.T) *checkpoint.Store {
	t.Helper()
	if _, err := writeLog(t.Context(), logPath(r.Dir), testEvents); err != nil {
		t.Fatal(err)
	}
	store, err := openStore(t.Context(), r.Store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if err := store.Set(t.Context(), ours.key, checkpoint.Position{}); err != nil {
		t.Fatal(err)
	}
	return store
}

// TestConsumeRefuses lets a consumer look for a checkpoint from which it must
// not go on.
func TestConsumeRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := writeLog(t.Context(), logPath(dir), testEvents); err != nil {
		t.Fatal(err)
	}
	work := task{Key: ours.key, Owner: "stock-1", Dir: dir}
	store := checkpoint.New(memstore.New(), nil)
	err := consume(t.Context(), store, work, json.NewEncoder(io.Discard))
	if !errors.Is(err, subscription.ErrNoCheckpoint) {
		t.Errorf("without a checkpoint: %v", err)
	}
	if err := store.Set(t.Context(), ours.key, checkpoint.Position{Commit: 12, Prepare: 12}); err != nil {
		t.Fatal(err)
	}
	err = consume(t.Context(), store, work, json.NewEncoder(io.Discard))
	if err == nil || !strings.Contains(err.Error(), "the checkpoint belongs to another log") {
		t.Errorf("with that of another log: %v", err)
	}
}

// TestOrphans ends the supervisor's side of a consumer and its standby, as the death of
// the supervisor would.
func TestOrphans(t *testing.T) {
	t.Parallel()
	r := newTestRun(t, "honest", sqlitePath(t))
	r.Dir = filepath.Join(r.Dir, "temporary")
	if err := os.Mkdir(r.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r.prepare(t)
	events, err := collectLog(logPath(r.Dir), checkpoint.Position{})
	if err != nil {
		t.Fatal(err)
	}
	work := task{Key: ours.key, Owner: "stock-1", Dir: r.Dir, Temporary: true, Hold: events[testEvents/2].Position}
	first, err := startProcess(t.Context(), r.Command, r.Store, work)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.report(new(grant)); err != nil {
		t.Fatal(err)
	}
	work.Owner = "stock-2"
	standby, err := startProcess(t.Context(), r.Command, r.Store, work)
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range []*process{standby, first} {
		child.stdin.Close()
		if <-child.ended; child.err == nil || !strings.Contains(child.err.Error(), errOrphaned.Error()) {
			t.Errorf("%s ended with %v", child.Owner, child.err)
		}
	}
	if _, err := os.Stat(r.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("their folder is left: %v", err)
	}
}
