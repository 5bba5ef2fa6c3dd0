package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
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

// TestShortLog: the plain instance that takes over resumes far into a short log. The stale
// one must not wake up before the other has stored.
func TestShortLog(t *testing.T) {
	t.Parallel()
	r := newTestRun(t, "dawdles", sqlitePath(t))
	r.Events = 100
	r.mustRun(t)
	checkContrast(t, r)
}

func checkHonestRun(t *testing.T, r *testRun) {
	t.Helper()
	if got := r.processes(t); got != 11 {
		t.Errorf("%d processes, want 11: for two consumers two instances and a stale one, and five of the fleet", got)
	}
	v := r.ours.verdict
	if v.Events != testEvents || v.Skipped+v.Foreign+v.Back != 0 || v.Repeated > workers {
		t.Errorf("%s: %+v", r.ours.key, v)
	}
	checkContrast(t, r)
	checkTakeover(t, r)
	checkFleet(t, r)
	checkOutput(t, r)
}

// checkFleet checks what the run says of the instances that share the partitions out.
func checkFleet(t *testing.T, r *testRun) {
	t.Helper()
	if v := r.fleet.verdict; v.Events != r.fleet.log.Events || v.Events != 3*fleetBatch || v.Skipped+v.Foreign != 0 {
		t.Errorf("%s: %+v of %d", r.fleet.key, v, r.fleet.log.Events)
	}
	three := `(fleet-\d: \d \d( \d)? *){3}`
	four := `(fleet-\d: \d \d *){4}`
	want := regexp.MustCompile(`\nFour instances .*\n +` + four + `\nKILLED fleet-2 \(process .*\n +` + three + `\nJOINED: fleet-5\..*\n +` + four + `\n`)
	if !want.MatchString(r.stderr.String()) {
		t.Errorf("the output lacks %s:\n%s", want, &r.stderr)
	}
	store, err := openStore(t.Context(), r.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	cells, err := store.InspectMany(t.Context(), many.keys()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cells {
		if c.Checkpoint.Position != r.fleet.log.Last {
			t.Errorf("%s is at %s, want %s", c.Key, c.Checkpoint.Position, r.fleet.log.Last)
		}
	}
}

// checkContrast checks that the plain consumer skips and repeats events, as plain
// consumers do, and that the numbers match its files.
func checkContrast(t *testing.T, r *testRun) {
	t.Helper()
	events, err := collectLog(logPath(r.Dir), checkpoint.Position{})
	if err != nil {
		t.Fatal(err)
	}
	times := map[checkpoint.Position]int{}
	for n := range 2 {
		all, err := collectEffects(effectsPath(r.Dir, plain.instance(n+1)))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			times[e.Position]++
		}
	}
	skipped, repeated, back := 0, 0, 0
	resume := r.plain.granted[1].Resume
	for _, e := range events {
		switch n := times[e.Position]; {
		case n == 0 && e.Position.Compare(resume) <= 0:
			skipped++
		case n == 0:
			t.Errorf("the event at %s is skipped, which comes after the position", e.Position)
		default:
			repeated += n - 1
		}
		if e.Position.Compare(resume) > 0 && e.Position.Compare(r.plain.stale.Was) <= 0 {
			back++
		}
	}
	v := r.plain.verdict
	if v.Skipped != skipped || v.Repeated != repeated || v.Back != back || v.Foreign != 0 {
		t.Errorf("%s skipped %d, repeated %d and went back by %d: %+v", r.plain.key, skipped, repeated, back, v)
	}
	if skipped == 0 || repeated == 0 || back == 0 {
		t.Errorf("%s does nothing wrong: %+v", r.plain.key, v)
	}
}

// checkOutput checks that the output of both writers is short, and as narrow as a terminal.
func checkOutput(t *testing.T, r *testRun) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(r.stderr.String()+r.stdout.String(), "\n"), "\n")
	if len(lines) > 29 {
		t.Errorf("the output has %d lines", len(lines))
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > 80 || strings.ContainsAny(line, "\r\x1b") {
			t.Errorf("a line does not fit, or is coloured: %q", line)
		}
	}
	want := fmt.Sprintf("VERIFIED: of 3,000 events checkpoint skipped none. The plain SET skipped %d.", r.plain.verdict.Skipped)
	if last := lines[len(lines)-1]; last != want {
		t.Errorf("the last line is %q, want %q", last, want)
	}
	if row := fmt.Sprintf("\nskipped    %11d           0 ", r.plain.verdict.Skipped); !strings.Contains(r.stdout.String(), row) {
		t.Errorf("the output lacks %q:\n%s", row, &r.stdout)
	}
}

// checkTakeover checks what the run says of the lease, and that the store refuses the
// killed instance.
func checkTakeover(t *testing.T, r *testRun) {
	t.Helper()
	o := r.ours
	if len(o.granted) != 2 || o.granted[1].Epoch <= o.granted[0].Epoch || o.granted[1].Resume != r.log.Hold {
		t.Fatalf("%s: granted %+v", o.key, o.granted)
	}
	if o.stale.Took || !o.stale.Fenced {
		t.Errorf("%s: stale %+v", o.key, o.stale)
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
		"KILLED plain-1 (process ", "TOOK OVER: plain-2, ", "WOKE UP: plain-1. Its old position was stored, and it works on.\n",
		"KILLED stock-1 (process ", "TOOK OVER: stock-2, ", fmt.Sprintf(" with epoch %d after %d.\n", o.granted[1].Epoch, o.granted[0].Epoch),
		"WOKE UP: stock-1. Its old position was refused, its claim of work fenced out.\n",
	} {
		if !strings.Contains(r.stderr.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &r.stderr)
		}
	}
}

// TestOlderByOne checks the command that the demo tells its reader to try: a position that
// is older by one is refused, although both are the same as a double.
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
	cp, err := store.Get(t.Context(), ours.key)
	if err != nil {
		t.Fatal(err)
	}
	if cp.Position != r.log.Last || cp.Position.Compare(older) <= 0 || float64(older.Commit) != float64(cp.Position.Commit) {
		t.Errorf("the checkpoint is at %s, the log's end at %s, and advance is told %s", cp.Position, r.log.Last, older)
	}
	if ok, err := store.SetIfNewer(t.Context(), ours.key, older); ok || err != nil {
		t.Errorf("advance to %s: %v, %v", older, ok, err)
	}
}

func TestFilesLeftBehind(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	r := newTestRun(t, "honest", sqlitePath(t))
	r.mustRun(t)
	const want = "demo-fleet-1.effects demo-fleet-2.effects demo-fleet-3.effects demo-fleet-4.effects demo-fleet-5.effects demo-fleet.log demo-orders.log demo-plain-1.effects demo-plain-2.effects demo-stock-1.effects demo-stock-2.effects"
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

// TestCancel cancels a run whose second instances neither report nor end.
func TestCancel(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	cause := errors.New("enough")
	r := newTestRun(t, "hangs", sqlitePath(t))
	r.Dir = ""
	r.Stderr = writerFunc(func(line string) {
		if strings.HasPrefix(line, "KILLED") {
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
	if _, err := store.Get(t.Context(), ours.key); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("it has rewound %s: %v", ours.key, err)
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
		if strings.HasPrefix(line, "KILLED") {
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
