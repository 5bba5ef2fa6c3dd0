package checkpoint_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

var somewhere = checkpoint.Position{Commit: 12, Prepare: 34}

func checkEvery(t *testing.T, ctx context.Context, s *checkpoint.Store, want error) {
	t.Helper()
	check := func(op string, err error) {
		t.Helper()
		var e *checkpoint.Error
		if !errors.Is(err, want) || !errors.As(err, &e) {
			t.Errorf("%s: %v, want an *Error that wraps %q", op, err, want)
			return
		}
		if e.Op != op {
			t.Errorf("%s: the error's Op is %q", op, e.Op)
		}
		for _, other := range []error{checkpoint.ErrNotFound, checkpoint.ErrCorrupt, checkpoint.ErrFenced} {
			if errors.Is(err, other) {
				t.Errorf("%s: %v must not be %q", op, err, other)
			}
		}
	}
	for op, err := range everyMethod(ctx, s, "b") {
		check(op, err)
	}
	for op, err := range everyWalk(ctx, s) {
		check(op, err)
	}
}

func TestEngineErrorIsWrapped(t *testing.T) {
	gone := errors.New("the engine is gone")
	d := memstore.New()
	d.Fail(gone)
	checkEvery(t, t.Context(), checkpoint.New(d, nil), gone)
}

func TestClosed(t *testing.T) {
	s := checkpoint.New(memstore.New(), nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkEvery(t, t.Context(), s, checkpoint.ErrClosed)
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestEndedContext(t *testing.T) {
	cause := errors.New("the pod is being moved")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	d := memstore.New()
	d.Fail(errors.New("the driver was called"))
	checkEvery(t, ctx, checkpoint.New(d, nil), cause)
}

// deaf is a driver that ends with an error of its own when the context does.
type deaf struct {
	driver.Driver
	cancel context.CancelCauseFunc
}

var (
	errPodMoved = errors.New("the pod is being moved")
	errSocket   = errors.New("read tcp: i/o timeout")
)

func (d deaf) Get(context.Context, []string) ([]driver.Record, error) {
	d.cancel(errPodMoved)
	return nil, errSocket
}

func TestCauseIsNamedBesideTheEnginesError(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := checkpoint.New(deaf{memstore.New(), cancel}, nil).Get(ctx, "a")
	if !errors.Is(err, errPodMoved) || !errors.Is(err, errSocket) {
		t.Errorf("%v, want both errors in it", err)
	}
}

// short is a driver that leaves the last answer out, against its contract.
type short struct{ *memstore.Driver }

func (d short) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	records, err := d.Driver.Get(ctx, keys)
	return records[:len(records)-1], err
}

func (d short) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results, err := d.Driver.Write(ctx, writes)
	return results[:len(results)-1], err
}

func (d short) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	results, err := d.Driver.Acquire(ctx, leases)
	return results[:len(results)-1], err
}

func (d short) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	results, err := d.Driver.Renew(ctx, leases)
	return results[:len(results)-1], err
}

func (d short) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	results, err := d.Driver.Release(ctx, leases)
	return results[:len(results)-1], err
}

func (d short) Inspect(ctx context.Context, keys []string) ([]driver.Cell, error) {
	cells, err := d.Driver.Inspect(ctx, keys)
	return cells[:max(0, len(cells)-1)], err // Beat gives it up once something else is missing
}

func (d short) Report(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
	results, err := d.Driver.Report(ctx, reports)
	return results[:len(results)-1], err
}

func (d short) Reports(ctx context.Context, keys []string) ([][]driver.Report, error) {
	lists, err := d.Driver.Reports(ctx, keys)
	return lists[:len(lists)-1], err
}

func TestMissingAnswersAreErrors(t *testing.T) {
	mem := memstore.New()
	if err := checkpoint.New(mem, nil).Set(t.Context(), "a", somewhere); err != nil {
		t.Fatal(err)
	}
	s := checkpoint.New(short{mem}, nil)
	for op, err := range everyMethod(t.Context(), s, "b") {
		if slices.Contains([]string{"delete", "fence", "revoke", "leaseEnds", "history", "samples", "adopt"}, op) {
			continue // their answers are numbers, a channel, a list of any length, or nothing
		}
		if err == nil || errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("%s: %v, want an error that is not ErrNotFound", op, err)
		}
	}
	if found, err := checkpoint.Collect(s.GetAll(t.Context(), "*")); err == nil {
		t.Errorf("getAll: %v, and no error", found)
	}
}

// silent is a driver whose writes fail and give no reason.
type silent struct {
	driver.Driver
	outcome driver.Outcome
}

func (d silent) Write(_ context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	for i := range results {
		results[i].Outcome = d.outcome
	}
	return results, nil
}

func TestFailureWithoutReasonIsAnError(t *testing.T) {
	for _, outcome := range []driver.Outcome{driver.Unknown, driver.Failed} {
		s := checkpoint.New(silent{memstore.New(), outcome}, nil)
		if ok, err := s.SetIfNewer(t.Context(), "a", somewhere); ok || err == nil {
			t.Errorf("SetIfNewer = %v, %v", ok, err)
		}
		outcomes, err := s.Apply(t.Context(), checkpoint.Write{Key: "a"})
		if err == nil || outcomes[0] != outcome {
			t.Errorf("Apply = %v, %v", outcomes, err)
		}
	}
}

func TestGetManyNamesWhatIsDamaged(t *testing.T) {
	d := memstore.New()
	s := checkpoint.New(d, nil)
	for _, key := range []string{"a", "b", "c"} {
		if err := s.Set(t.Context(), key, somewhere); err != nil {
			t.Fatal(err)
		}
	}
	d.Damage("b")
	found, err := s.GetMany(t.Context(), "a", "b", "c", "nowhere", "a")
	if !errors.Is(err, checkpoint.ErrCorrupt) {
		t.Errorf("error = %v, want ErrCorrupt", err)
	}
	if len(found) != 2 || found["a"].Position != somewhere || found["c"].Position != somewhere {
		t.Errorf("found = %v, want a and c", found)
	}
}

func TestNewWithNilDriverPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	checkpoint.New(nil, nil)
}
