package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/intake"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// importLines takes the lines of a file in, from the line first on.
func importLines(ctx context.Context, store *checkpoint.Store, r io.Reader, first int) (intake.Report, error) {
	return intakeOf(ctx, intake.Job{Items: intake.Lines(ctx, r, first), To: store, Writer: intake.Newer{}, Apply: true}, nil)
}

// TestImportSeesTheEndOfItsContext: a silent pipe does not block an import whose context
// has ended.
func TestImportSeesTheEndOfItsContext(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	in, out := io.Pipe()
	defer out.Close()
	why := errors.New("the test's reason")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		_, _ = io.WriteString(out, `{"key":"a","commit":"1","prepare":"1"}`+"\n")
		cancel(why)
	}()
	_, err := importLines(ctx, store, in, 1)
	var line *intake.Error
	if !errors.Is(err, why) || !errors.As(err, &line) {
		t.Fatalf("Import: %v; want an Error with the context's cause", err)
	}
	// Whatever line the error names, the lines before it are stored.
	if _, err := store.Get(t.Context(), "a"); line.Item.Line > 1 && err != nil {
		t.Errorf("it stopped at line %d, and line 1 is not there: %v", line.Item.Line, err)
	}
}

// TestImportGoesOn stops at every line of a file in turn, and goes on from
// there: nothing is left out.
func TestImportGoesOn(t *testing.T) {
	const n = 1200
	var file bytes.Buffer
	for i := range n {
		file.Write(transfer.Encode(checkpoint.Checkpoint{Key: fmt.Sprint("k", i), Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: uint64(i)}}}))
	}
	lines := strings.SplitAfter(file.String(), "\n")
	for _, bad := range []int{1, 2, 499, 500, 501, 502, 1000, 1001, n} {
		store := checkpoint.New(memstore.New(), nil)
		broken := strings.Join(lines[:bad-1], "") + "nonsense\n" + strings.Join(lines[bad:], "")
		r, err := importLines(t.Context(), store, strings.NewReader(broken), 1)
		var at *intake.Error
		if !errors.As(err, &at) || at.Item.Line != bad || r.Written != bad-1 {
			t.Fatalf("a bad line %d: %+v, %v", bad, r, err)
		}
		if _, err := importLines(t.Context(), store, &file, at.Item.Line); err != nil {
			t.Fatal(err)
		}
		file.Reset()
		file.WriteString(strings.Join(lines, ""))
		all, err := checkpoint.Collect(store.GetAll(t.Context(), "*"))
		if err != nil || len(all) != n {
			t.Errorf("after a bad line %d, %d of %d are there, %v", bad, len(all), n, err)
		}
	}
}

// cancelling ends a context when it has written a batch.
type cancelling struct {
	driver.Driver
	cancel context.CancelFunc
}

func (d cancelling) Write(ctx context.Context, batch []driver.Write) ([]driver.Result, error) {
	results, err := d.Driver.Write(ctx, batch)
	d.cancel()
	synctest.Wait() // let the reader see it first
	return results, err
}

// TestImportIsNotDoneWhenInterrupted: an import does not take lines that it has not read
// for the end of the input.
func TestImportIsNotDoneWhenInterrupted(t *testing.T) {
	var full strings.Builder
	for i := range 500 {
		full.Write(transfer.Encode(checkpoint.Checkpoint{Key: fmt.Sprint("k", i)}))
	}
	// select picks at random among the cases that are ready.
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			store := checkpoint.New(cancelling{memstore.New(), cancel}, nil)
			rest := readerFunc(func(p []byte) (int, error) {
				<-ctx.Done()
				return copy(p, `{"key":"last","commit":"1","prepare":"1"}`+"\n"), nil
			})
			in := io.MultiReader(strings.NewReader(full.String()), rest)
			if r, err := importLines(ctx, store, in, 1); err == nil {
				t.Errorf("Import of an endless input: %+v, no error", r)
			}
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestImportKeepsTheExpiry: a checkpoint that waits for its batch does not live longer.
func TestImportKeepsTheExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := checkpoint.New(memstore.New(), nil)
		want := checkpoint.Checkpoint{Key: "a", Mark: checkpoint.Mark{UpdatedAt: time.Now().UTC()}, ExpiresAt: time.Now().UTC().Add(time.Hour)}
		gone := checkpoint.Checkpoint{Key: "gone", ExpiresAt: time.Now().Add(30 * time.Second)}
		slow := readerFunc(func([]byte) (int, error) {
			time.Sleep(time.Minute)
			return 0, io.EOF
		})
		in := io.MultiReader(bytes.NewReader(transfer.Encode(want)), bytes.NewReader(transfer.Encode(gone)), slow)
		r, err := importLines(t.Context(), store, in, 1)
		if err != nil || r.Written != 1 || r.Expired != 1 {
			t.Errorf("Import: %+v, %v; want 1 written, 1 expired", r, err)
		}
		if got, err := store.Get(t.Context(), "a"); err != nil || got != want {
			t.Errorf("it is %+v, %v; want %+v", got, err, want)
		}
	})
}

// TestImportOfWhatHasExpired writes nothing, and so needs no store.
func TestImportOfWhatHasExpired(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	in := bytes.NewReader(transfer.Encode(checkpoint.Checkpoint{Key: "gone", ExpiresAt: time.Now().Add(-time.Hour)}))
	if r, err := importLines(t.Context(), store, in, 1); err != nil || r.Expired != 1 {
		t.Errorf("Import: %+v, %v; want 1 expired", r, err)
	}
}

// TestImportAgainChangesNothing: what is there already gets no audit entry, and keeps its time.
func TestImportAgainChangesNothing(t *testing.T) {
	ctx := driver.WithBy(t.Context(), driver.By{Actor: "ana@db1", Op: "import"})
	store := checkpoint.New(memstore.New(), nil)
	file := transfer.Encode(checkpoint.Checkpoint{Key: "k", Mark: checkpoint.Mark{Position: at(5), Epoch: 3}})
	var first checkpoint.Checkpoint
	for _, want := range []intake.Report{{Written: 1, Raised: 1}, {Same: 1}} {
		if r, err := importLines(ctx, store, bytes.NewReader(file), 1); err != nil || r != want {
			t.Errorf("Run = %+v, %v; want %+v", r, err, want)
		}
		c := must[checkpoint.Checkpoint](t)(store.Get(ctx, "k"))
		if want.Written == 1 {
			first = c
		}
		if entries := must[[]checkpoint.AuditEntry](t)(store.History(ctx, "k", 9)); c != first || len(entries) != 1 || entries[0].Actor != "ana@db1" {
			t.Errorf("it is %+v, with %+v; want %+v, with one entry", c, entries, first)
		}
	}
}

// TestImportBringsTheEpochOfWhatHasExpired: the line raises the fence to its epoch, and no
// higher. It replaces nothing.
func TestImportBringsTheEpochOfWhatHasExpired(t *testing.T) {
	ctx := t.Context()
	file := transfer.Encode(checkpoint.Checkpoint{Key: "k", Mark: checkpoint.Mark{Position: at(5), Epoch: 3}, ExpiresAt: time.Now().Add(-time.Hour)})
	for _, w := range []intake.Writer{intake.Newer{}, intake.Overwrite{}, intake.Overwrite{Fence: true}} {
		store := checkpoint.New(memstore.New(), nil)
		for _, want := range []intake.Report{{Expired: 1, Raised: 1}, {Expired: 1}} {
			j := intake.Job{Items: intake.Lines(ctx, bytes.NewReader(file), 1), To: store, Writer: w, Apply: true}
			r, err := intakeOf(ctx, j, map[intake.Event]func(*intake.Item){
				intake.Replaced: func(i *intake.Item) { t.Errorf("%T: it replaces %q", w, i.From.Key) },
			})
			if err != nil || r != want {
				t.Errorf("%+v: Run = %+v, %v; want %+v", w, r, err, want)
			}
			if cell := must[checkpoint.Cell](t)(store.Inspect(ctx, "k")); cell.Fence.Epoch != 3 || cell.Checkpoint.Exists {
				t.Errorf("%+v: it is %+v, want a fence at 3 alone", w, cell)
			}
		}
	}
}

// TestImportBringsTheEpoch: a line raises the fence, also if its checkpoint stays out.
func TestImportBringsTheEpoch(t *testing.T) {
	ctx := t.Context()
	for there, want := range map[uint64]intake.Report{4: {Written: 1, Raised: 1}, 5: {Same: 1, Raised: 1}, 6: {Newer: 1, Raised: 1}} {
		store := checkpoint.New(memstore.New(), nil)
		if err := store.Set(ctx, "k", at(there)); err != nil {
			t.Fatal(err)
		}
		file := transfer.Encode(checkpoint.Checkpoint{Key: "k", Mark: checkpoint.Mark{Position: at(5), Epoch: 3}})
		if r, err := importLines(ctx, store, bytes.NewReader(file), 1); err != nil || r != want {
			t.Errorf("over %d: Run = %+v, %v; want %+v", there, r, err, want)
		}
		if cell := must[checkpoint.Cell](t)(store.Inspect(ctx, "k")); cell.Fence.Epoch != 3 {
			t.Errorf("over %d: the fence is at %d, want 3", there, cell.Fence.Epoch)
		}
	}
}

// refusing refuses the first batch of writes.
type refusing struct {
	*memstore.Driver
	done bool
}

func (d *refusing) Write(ctx context.Context, batch []driver.Write) ([]driver.Result, error) {
	if d.done {
		return d.Driver.Write(ctx, batch)
	}
	d.done = true
	return slices.Repeat([]driver.Result{{Outcome: driver.Failed, Err: errors.New("the engine is full")}}, len(batch)), nil
}

// TestImportThatFailsRaisesTheFences: the lines before the one in the error are done, and so
// are their fences.
func TestImportThatFailsRaisesTheFences(t *testing.T) {
	ctx := t.Context()
	mem := memstore.New()
	if err := checkpoint.New(mem, nil).Set(ctx, "a", at(10), checkpoint.Epoch(3)); err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(&refusing{Driver: mem}, nil)
	file := append(
		transfer.Encode(checkpoint.Checkpoint{Key: "a", Mark: checkpoint.Mark{Position: at(5), Epoch: 9}}),
		transfer.Encode(checkpoint.Checkpoint{Key: "b", Mark: checkpoint.Mark{Position: at(1)}})...,
	)
	var stopped *intake.Error
	if r, err := importLines(ctx, store, bytes.NewReader(file), 1); !errors.As(err, &stopped) {
		t.Fatalf("Run = %+v, %v; want an Error", r, err)
	}
	must[intake.Report](t)(importLines(ctx, store, bytes.NewReader(file), stopped.Item.Line))
	for key, want := range map[string]checkpoint.Position{"a": at(10), "b": at(1)} {
		if c, err := store.Get(ctx, key); err != nil || c.Position != want {
			t.Errorf("%s is at %s, %v; want %s", key, c.Position, err, want)
		}
	}
	if cell := must[checkpoint.Cell](t)(store.Inspect(ctx, "a")); cell.Fence.Epoch != 9 {
		t.Errorf("the import stopped at line %d, and went on there: the fence is at %d, want 9", stopped.Item.Line, cell.Fence.Epoch)
	}
}
