package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/subscription"
)

func TestRun(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite": sqlitePath,
		"redis":  func(t *testing.T) string { t.Helper(); return redistest.Start(t).URL() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := url(t)
			// The second run finds the checkpoints and the fences of the first.
			for range 2 {
				r := newTestRun(t, "honest", store)
				r.mustRun(t)
				checkHonestRun(t, r)
			}
		})
	}
}

func checkHonestRun(t *testing.T, r *testRun) {
	t.Helper()
	if got, want := r.processes(t), len(consumers)+2; got != want {
		t.Errorf("%d processes, want %d: the consumers, a standby and a stale instance", got, want)
	}
	for _, o := range r.outcomes {
		v := o.verdict
		if v.Events != testEvents || v.Skipped != 0 || v.Foreign != 0 || !v.ReportRight {
			t.Errorf("%s: %+v", o.key, v)
		}
		if o.key != victim {
			if v.Replayed != 0 || o.stale != (staleReport{}) {
				t.Errorf("%s: replayed %d, stale %+v", o.key, v.Replayed, o.stale)
			}
			continue
		}
		// How far it was ahead is up to when it was killed; that the two are
		// equal is what the run itself checks.
		if v.Replayed != o.ahead {
			t.Errorf("%s: replayed %d events, and was %d ahead", o.key, v.Replayed, o.ahead)
		}
		if o.stale.Refused == 0 || o.stale.Fenced != 1 || o.stale.Accepted != 0 {
			t.Errorf("%s: stale %+v", o.key, o.stale)
		}
		checkTakeover(t, r, o)
	}
	for line := range strings.SplitSeq(r.stderr.String()+r.stdout.String(), "\n") {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("a line is longer than a terminal is wide: %q", line)
		}
	}
	for _, want := range []string{"\ntotal  ", "Verified", "checkpoint get demo/stock"} {
		if !strings.Contains(r.stdout.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &r.stdout)
		}
	}
}

// checkTakeover holds the run to what it tells of the lease, and the store to
// refuse the instance that was killed.
func checkTakeover(t *testing.T, r *testRun, o *outcome) {
	t.Helper()
	if len(o.granted) != 2 || o.granted[1].Epoch <= o.granted[0].Epoch || o.granted[1].Resume.Compare(r.log.First) <= 0 {
		t.Fatalf("%s: granted %+v", o.key, o.granted)
	}
	store, err := openStore(t.Context(), r.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ok, err := store.SetIfNewer(t.Context(), o.key, r.log.Last, checkpoint.Epoch(o.granted[0].Epoch))
	if ok || !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("%s: a write with the epoch of the killed instance: %v, %v", o.key, ok, err)
	}
	for _, want := range []string{
		"stock-1 has the lease on demo/stock (process ",
		fmt.Sprintf(", epoch %d).\n  stock-2 waits for it", o.granted[0].Epoch),
		fmt.Sprintf("(epoch %d), and\n  goes on from %s.", o.granted[1].Epoch, o.granted[1].Resume),
	} {
		if !strings.Contains(r.stderr.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &r.stderr)
		}
	}
}

// TestOlderByOne holds the demo to what it tells its reader to try: a position
// that is older by one is refused, though it is the same as a double.
func TestOlderByOne(t *testing.T) {
	t.Parallel()
	r := newTestRun(t, "honest", sqlitePath(t))
	r.mustRun(t)
	_, tail, ok := strings.Cut(r.stdout.String(), "checkpoint advance demo/stock ")
	if !ok {
		t.Fatalf("no advance in\n%s", &r.stdout)
	}
	older, err := checkpoint.ParsePosition(strings.Fields(tail)[0])
	if err != nil {
		t.Fatal(err)
	}
	store, err := openStore(t.Context(), r.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	cp, err := store.Get(t.Context(), victim)
	if err != nil {
		t.Fatal(err)
	}
	if cp.Position != r.log.Last || cp.Position.Compare(older) <= 0 || float64(older.Commit) != float64(cp.Position.Commit) {
		t.Errorf("the checkpoint is at %s, the log's end at %s, and advance is told %s", cp.Position, r.log.Last, older)
	}
	if ok, err := store.SetIfNewer(t.Context(), victim, older); ok || err != nil {
		t.Errorf("advance to %s: %v, %v", older, ok, err)
	}
}

func TestFilesLeftBehind(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	r := newTestRun(t, "honest", sqlitePath(t))
	r.mustRun(t)
	const want = "demo-customers.effects demo-customers.json demo-orders.log demo-revenue.effects demo-revenue.json demo-stock.effects demo-stock.json"
	if got := fileNames(t, r.Dir); got != want {
		t.Errorf("the folder holds\n%s, want\n%s", got, want)
	}

	r = newTestRun(t, "honest", r.Store)
	r.Dir = ""
	r.mustRun(t)
	if got := fileNames(t, temp); got != "" {
		t.Errorf("the temporary folder still holds %s", got)
	}
}

func fileNames(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// writerFunc sees each line that the demo prints on stderr.
type writerFunc func(string)

func (f writerFunc) Write(p []byte) (int, error) {
	f(string(p))
	return len(p), nil
}

// TestCancel cancels a run two of whose consumers neither report nor end.
func TestCancel(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	cause := errors.New("enough")
	r := newTestRun(t, "hangs", sqlitePath(t))
	r.Dir = ""
	r.Stderr = writerFunc(func(line string) {
		if strings.HasPrefix(line, "Killed") {
			cancel(cause)
		}
	})
	if err := r.run.run(ctx); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
	r.processes(t)
	if got := fileNames(t, temp); got != "" {
		t.Errorf("the temporary folder still holds %s", got)
	}
	if r.stdout.Len() > 0 {
		t.Errorf("a cancelled run printed a result:\n%s", &r.stdout)
	}
}

// TestNotAlone starts a demo on a store where one is at work.
func TestNotAlone(t *testing.T) {
	t.Parallel()
	r := newTestRun(t, "honest", sqlitePath(t))
	store, err := openStore(t.Context(), r.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	lease, err := store.Acquire(t.Context(), supervisorKey, "process 7 on venus", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	err = r.run.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "another demo is at work on this store (process 7 on venus); if it was killed, try again after ") {
		t.Errorf("got %v", err)
	}
	if got := fileNames(t, r.Dir); got != "" {
		t.Errorf("it has written %s", got)
	}
	if _, err := store.Get(t.Context(), victim); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("it has rewound %s: %v", victim, err)
	}
	if err := store.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	r.mustRun(t)
}

// TestSupervisorFenced takes the supervisor's lease away.
func TestSupervisorFenced(t *testing.T) {
	t.Parallel()
	r := newTestRun(t, "hangs", sqlitePath(t))
	store, err := openStore(t.Context(), r.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	r.Stderr = writerFunc(func(line string) {
		if strings.HasPrefix(line, "Killed") {
			if _, err := store.Rewind(t.Context(), supervisorKey, checkpoint.Position{}); err != nil {
				t.Error(err)
			}
		}
	})
	if err := r.run.run(t.Context()); !errors.Is(err, subscription.ErrLeaseLost) {
		t.Errorf("got %v, want that the lease is lost", err)
	}
	r.processes(t)
}
