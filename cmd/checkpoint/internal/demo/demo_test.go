package demo

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
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
		t.Errorf("%d processes, want %d: the consumers, a successor and a stale instance", got, want)
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
		// It is killed when the effects of a batch are durable and its
		// checkpoint is not.
		if v.Replayed != testEvery {
			t.Errorf("%s: replayed %d events, want the %d of one batch", o.key, v.Replayed, testEvery)
		}
		if o.stale.Refused == 0 || o.stale.Fenced != 1 || o.stale.Accepted != 0 {
			t.Errorf("%s: stale %+v", o.key, o.stale)
		}
		// The batch that is lost with the process is written by its successor.
		if want := testEvents / testEvery; o.checkpoints != want {
			t.Errorf("%s: %d checkpoints, want %d", o.key, o.checkpoints, want)
		}
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

func TestConfigRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{
		{Events: 99},
		{Events: -1},
		{Events: 1000, Every: -1},
		{Events: 1000, Every: 51},
	} {
		if err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "want at least") {
			t.Errorf("%d events, every %d: %v", c.Events, c.Every, err)
		}
	}
}
