package otelcheckpoint_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	api "go.opentelemetry.io/otel/trace"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/otelcheckpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

var errEngine = errors.New("the engine is away")

func at(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

// traced opens a store whose spans are recorded. More observers may come behind.
func traced(t *testing.T, more ...checkpoint.Observer) (
	*memstore.Driver, *checkpoint.Store, *otelcheckpoint.Observer, *tracetest.SpanRecorder,
) {
	t.Helper()
	var spans tracetest.SpanRecorder
	o, err := otelcheckpoint.New(&otelcheckpoint.Options{
		MeterProvider:  noop.NewMeterProvider(),
		TracerProvider: trace.NewTracerProvider(trace.WithSpanProcessor(&spans)),
	})
	if err != nil {
		t.Fatal(err)
	}
	d := memstore.New()
	return d, checkpoint.New(d, &checkpoint.Options{Observers: append([]checkpoint.Observer{o}, more...)}), o, &spans
}

// wantSpan checks the attributes of a span.
func wantSpan(t *testing.T, s trace.ReadOnlySpan, want string) {
	t.Helper()
	var attrs []string
	for _, a := range s.Attributes() {
		attrs = append(attrs, fmt.Sprintf("%s=%s", a.Key, a.Value.String()))
	}
	slices.Sort(attrs)
	if got := s.Name() + " " + strings.Join(attrs, " "); got != want || s.SpanKind() != api.SpanKindClient {
		t.Errorf("the span is %s %s\n want client %s", s.SpanKind(), got, want)
	}
}

func TestCallSpans(t *testing.T) {
	_, store, _, spans := traced(t)
	ctx := t.Context()
	if _, err := store.SetIfNewer(ctx, "a", at(7)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.GetMany(ctx, "a", "b"); err != nil {
		t.Fatal(err)
	}
	for range store.Scan(ctx, "a*") {
	}
	ended := spans.Ended()
	if len(ended) != 3 {
		t.Fatalf("%d spans have ended, want 3", len(ended))
	}
	wantSpan(t, ended[0], "setIfNewer checkpoint.key=a checkpoint.outcome=advanced checkpoint.position=C:7/P:7 "+
		"db.operation.name=setIfNewer db.system.name=memory")
	wantSpan(t, ended[1], "getMany db.operation.batch.size=2 db.operation.name=getMany db.system.name=memory")
	wantSpan(t, ended[2], "scan checkpoint.pattern=a* db.operation.name=scan db.system.name=memory")
}

func TestFailedCallSpan(t *testing.T) {
	d, store, _, spans := traced(t)
	if _, err := store.Get(t.Context(), "a"); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Fatal(err)
	}
	d.Fail(errEngine)
	_, err := store.Get(t.Context(), "a")
	ended := spans.Ended()
	if status := ended[0].Status(); status.Code != codes.Unset {
		t.Errorf("of a checkpoint that is not there the status is %+v", status)
	}
	wantSpan(t, ended[1], "get checkpoint.key=a db.operation.name=get db.system.name=memory error.type=_OTHER")
	if status := ended[1].Status(); status.Code != codes.Error || status.Description != err.Error() {
		t.Errorf("of a call that fails the status is %+v, want an error %q", status, err)
	}
}

// TestSpansAreValidUTF8: one span that is not costs an exporter of OTLP the whole batch.
func TestSpansAreValidUTF8(t *testing.T) {
	d, store, _, spans := traced(t)
	if err := store.Set(t.Context(), "a\xff", at(7)); !errors.Is(err, checkpoint.ErrInvalidKey) {
		t.Fatal(err)
	}
	for range store.Scan(t.Context(), "a\xff*") {
	}
	d.Fail(errors.New("the engine says \xff"))
	_, err := store.Get(t.Context(), "a")
	if err == nil {
		t.Fatal("Get found a failing engine well")
	}
	ended := spans.Ended()
	wantSpan(t, ended[0], "set checkpoint.outcome=failed checkpoint.position=C:7/P:7 "+
		"db.operation.name=set db.system.name=memory error.type=invalid_key")
	wantSpan(t, ended[1], "scan checkpoint.pattern=a\uFFFD* db.operation.name=scan db.system.name=memory")
	for _, s := range ended {
		if text := s.Status().Description; !utf8.ValidString(text) {
			t.Errorf("of %s the description is %q", s.Name(), text)
		}
	}
}

// parent begins a span below that of the observer before it, and ends it, as a tracer of
// the application may.
type parent struct{ tracer api.Tracer }

type parentKey struct{}

func (p parent) CallStart(ctx context.Context, _ checkpoint.Call) context.Context {
	ctx, span := p.tracer.Start(ctx, "inner")
	return context.WithValue(ctx, parentKey{}, span)
}

func (p parent) CallEnd(ctx context.Context, _ checkpoint.Call, _ checkpoint.CallResult) {
	ctx.Value(parentKey{}).(api.Span).End()
}

// TestSpansOfOthersAreLeftAlone: the span of a context may be another's.
func TestSpansOfOthersAreLeftAlone(t *testing.T) {
	var inner tracetest.SpanRecorder
	tracer := trace.NewTracerProvider(trace.WithSpanProcessor(&inner)).Tracer("inner")
	_, store, _, spans := traced(t, parent{tracer})
	if _, err := store.Exists(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if len(spans.Ended()) != 1 || len(inner.Ended()) != 1 || len(inner.Ended()[0].Attributes()) != 0 {
		t.Errorf("%d spans and %d of the other have ended, want 1 and 1", len(spans.Ended()), len(inner.Ended()))
	}
}

// TestCommitSpans: the store's call is a part of the flush.
func TestCommitSpans(t *testing.T) {
	d, store, o, spans := traced(t)
	s, err := subscription.Open(t.Context(), store, "orders", &subscription.Options{
		Missing: subscription.FromStart, Observers: []checkpoint.Observer{o}, ReportEvery: -1, FlushAfter: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := spans.Ended()
	if len(ended) != 3 { // the load, the write, and the flush around it
		t.Fatalf("%d spans have ended, want 3", len(ended))
	}
	call, commit := ended[1], ended[2]
	const want = "checkpoint.position=C:0/P:0 messaging.consumer.group.name=orders messaging.operation.name=commit " +
		"messaging.operation.type=settle messaging.system=checkpoint"
	wantSpan(t, commit, "commit "+want)
	if call.Name() != "setIfNewer" || call.Parent().SpanID() != commit.SpanContext().SpanID() {
		t.Errorf("the call %s is not a part of the flush", call.Name())
	}
	w, err := s.Track(t.Context(), at(1))
	if err != nil {
		t.Fatal(err)
	}
	w.Done()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err == nil {
		t.Fatal("Close stored into a closed engine")
	}
	ended = spans.Ended()
	if status := ended[len(ended)-1].Status(); status.Code != codes.Error {
		t.Errorf("of a flush that fails the status is %+v", status)
	}
}

func TestNoSpansWithoutATracer(t *testing.T) {
	o := observer(t)
	ctx := t.Context()
	if o.CallStart(ctx, checkpoint.Call{Op: "get"}) != ctx || o.FlushStart(ctx, "orders", at(1)) != ctx {
		t.Error("a context was derived although there is no tracer")
	}
}
