package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// answers are the errors that a call must not get from the cause of its
// context's end: they would say of its key what was said of another.
var answers = []error{
	checkpoint.ErrNotFound, checkpoint.ErrCorrupt, checkpoint.ErrFenced, checkpoint.ErrLeaseHeld, checkpoint.ErrNoLeases,
	checkpoint.ErrInvalidKey, checkpoint.ErrInvalidPosition, checkpoint.ErrClosed, driver.ErrEpochExhausted,
}

func isAnswer(err error) bool {
	for _, answer := range answers {
		if errors.Is(err, answer) {
			return true
		}
	}
	return errors.As(err, new(*checkpoint.LeaseHeldError))
}

// causes are errors of other calls, as they end the context of an errgroup.
func causes() []error {
	causes := []error{
		&checkpoint.Error{Op: "acquire", Key: "other", Err: &checkpoint.LeaseHeldError{Owner: "another"}},
		&checkpoint.Error{Op: "get", Key: "other", Err: errSocket},
	}
	for _, answer := range answers {
		causes = append(causes, fmt.Errorf("consumer %q: %w", "other", &checkpoint.Error{Op: "get", Key: "other", Err: answer}))
	}
	return causes
}

func checkCause(t *testing.T, op string, err, cause error) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s under a context that has ended with %q: no error", op, cause)
	case isAnswer(err):
		t.Errorf("%s under a context that has ended with %q: %v is an answer", op, cause, err)
	case !errors.Is(err, context.Canceled) && !errors.Is(err, cause):
		t.Errorf("%s: %v does not wrap the end of its context", op, err)
	case !strings.Contains(err.Error(), cause.Error()):
		t.Errorf("%s: %v does not show the cause %q", op, err, cause)
	}
}

// An ending context ends when it is asked for the third time.
type ending struct {
	context.Context
	asked int
}

func (c *ending) Err() error {
	if c.asked++; c.asked < 3 {
		return nil
	}
	return context.DeadlineExceeded
}

// timedOut is a driver with a deadline of its own.
type timedOut struct{ driver.Driver }

func (timedOut) Get(context.Context, []string) ([]driver.Record, error) {
	return nil, context.DeadlineExceeded
}

// TestErrorOfAContextThatEndsMeanwhile is one, whenever the Store looks.
func TestErrorOfAContextThatEndsMeanwhile(t *testing.T) {
	s := checkpoint.New(timedOut{memstore.New()}, nil)
	for asked := range 3 {
		_, err := s.Get(&ending{t.Context(), asked}, "k")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the context ends after %d questions: %#v", 3-asked, err)
		}
	}
}

func TestTheAnswerOfAnotherCallIsNone(t *testing.T) {
	s := checkpoint.New(memstore.New(), nil)
	if err := s.Set(t.Context(), "b", somewhere); err != nil {
		t.Fatal(err)
	}
	for _, cause := range causes() {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		for _, m := range methods {
			checkCause(t, m.op, m.call(ctx, s, "b"), cause)
		}
	}
}

// telling is a driver that tells the cause of its context's end, which comes
// with its first call, as the error of each key.
type telling struct {
	driver.Driver
	end func()
}

func (d telling) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	d.end()
	records := make([]driver.Record, len(keys))
	for i, key := range keys {
		records[i] = driver.Record{Key: key, Err: context.Cause(ctx)}
	}
	return records, nil
}

func (d telling) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	d.end()
	results := make([]driver.Result, len(writes))
	for i := range results {
		results[i].Err = context.Cause(ctx)
	}
	return results, nil
}

func (d telling) Scan(ctx context.Context, _ string, _ int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		d.end()
		yield(nil, context.Cause(ctx))
	}
}

func (d telling) Delete(ctx context.Context, _ []string) (int, error) {
	d.end()
	return 0, context.Cause(ctx)
}

func (d telling) History(ctx context.Context, _ string, _ int) ([]driver.AuditEntry, error) {
	d.end()
	return nil, context.Cause(ctx)
}

func (d telling) Samples(ctx context.Context, _ string) ([]driver.Sample, error) {
	d.end()
	return nil, context.Cause(ctx)
}

func (d telling) Adopt(ctx context.Context, _ string, _ []driver.AuditEntry, _ []driver.Sample) error {
	d.end()
	return context.Cause(ctx)
}

func (d telling) Report(ctx context.Context, _ []driver.Report) ([]driver.ReportResult, error) {
	d.end()
	return nil, context.Cause(ctx)
}

func (d telling) Reports(ctx context.Context, _ []string) ([][]driver.Report, error) {
	d.end()
	return nil, context.Cause(ctx)
}

func (d telling) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.tell(ctx, leases)
}

func (d telling) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.tell(ctx, leases)
}

func (d telling) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.tell(ctx, leases)
}

func (d telling) LeaseEnds(ctx context.Context, _ []string) (<-chan struct{}, error) {
	d.end()
	return nil, context.Cause(ctx)
}

func (d telling) Inspect(ctx context.Context, _ []string) ([]driver.Cell, error) {
	d.end()
	return nil, context.Cause(ctx)
}

func (d telling) ScanCells(ctx context.Context, _ string, _ int) iter.Seq2[[]driver.Cell, error] {
	return func(yield func([]driver.Cell, error) bool) {
		d.end()
		yield(nil, context.Cause(ctx))
	}
}

func (d telling) RaiseFence(ctx context.Context, _ string, _ uint64) (uint64, error) {
	d.end()
	return 0, context.Cause(ctx)
}

func (d telling) ReleaseFences(ctx context.Context, _ []string, _ time.Duration) (int, error) {
	d.end()
	return 0, context.Cause(ctx)
}

func (d telling) tell(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	d.end()
	results := make([]driver.LeaseResult, len(leases))
	for i := range results {
		results[i].Err = context.Cause(ctx)
	}
	return results, nil
}

// asking is a driver that asks a context of its own why it has ended.
type asking struct {
	driver.Driver
	end func()
}

func (d asking) Get(ctx context.Context, _ []string) ([]driver.Record, error) {
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	d.end()
	<-own.Done()
	if own.Value(traceKey{}) == nil {
		return nil, errors.New("the context has lost its values")
	}
	return nil, fmt.Errorf("asked: %w, %w", context.Cause(ctx), context.Cause(own))
}

func TestDriversAreNotToldTheCause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), traceKey{}, true))
	s := checkpoint.New(asking{memstore.New(), func() { cancel(errPodMoved) }}, nil)
	_, err := s.Get(ctx, "a")
	if !errors.Is(err, errPodMoved) || !strings.HasSuffix(err.Error(), "asked: context canceled, context canceled") {
		t.Errorf("%v; want the cause, and that the driver has found none", err)
	}
}

func TestTheAnswerOfAnotherCallIsNoneOfTheDriver(t *testing.T) {
	mem := memstore.New()
	if err := checkpoint.New(mem, nil).Set(t.Context(), "b", somewhere); err != nil {
		t.Fatal(err)
	}
	for _, cause := range causes() {
		for _, m := range methods {
			ctx, cancel := context.WithCancelCause(t.Context())
			checkCause(t, m.op, m.call(ctx, checkpoint.New(telling{mem, func() { cancel(cause) }}, nil), "b"), cause)
			cancel(nil)
		}
	}
}
