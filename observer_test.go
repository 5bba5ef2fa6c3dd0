package checkpoint_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

type traceKey struct{}

// trace names the observers whose CallStart a context has been through.
func trace(ctx context.Context) string {
	names, _ := ctx.Value(traceKey{}).(string)
	return names
}

// heard is what observers note, in turn.
type heard struct {
	calls   []string
	results map[string]checkpoint.CallResult // by Op
}

func (h *heard) note(name, what string, ctx context.Context, call checkpoint.Call) {
	h.calls = append(h.calls, fmt.Sprintf("%s: %s %s %s%s in %q", name, what, call.Op, call.Key, call.Pattern, trace(ctx)))
}

type starter struct {
	name string
	*heard
}

func (o starter) CallStart(ctx context.Context, call checkpoint.Call) context.Context {
	o.note(o.name, "start", ctx, call)
	return context.WithValue(ctx, traceKey{}, trace(ctx)+o.name)
}

type ender struct {
	name string
	*heard
}

func (o ender) CallEnd(ctx context.Context, call checkpoint.Call, result checkpoint.CallResult) {
	o.note(o.name, "end", ctx, call)
	if o.results == nil {
		o.results = map[string]checkpoint.CallResult{}
	}
	o.results[call.Op] = result
}

type both struct {
	starter
	ender
}

func observed(d driver.Driver, observers ...checkpoint.Observer) *checkpoint.Store {
	return checkpoint.New(d, &checkpoint.Options{Observers: observers})
}

// contexts notes the context that the engine is given.
type contexts struct {
	driver.Driver
	*heard
}

func (d contexts) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	d.note("engine", "is asked for", ctx, checkpoint.Call{Key: keys[0]})
	return d.Driver.Get(ctx, keys)
}

// TestObserversHearInOrder: each context descends from that of the observer before.
func TestObserversHearInOrder(t *testing.T) {
	var h heard
	s := observed(contexts{memstore.New(), &h},
		both{starter{"a", &h}, ender{"a", &h}}, nil, starter{"b", &h}, ender{"c", &h}, struct{}{})
	if _, err := s.Exists(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`a: start exists k in ""`, `b: start exists k in "a"`,
		`engine: is asked for  k in "ab"`,
		`a: end exists k in "ab"`, `c: end exists k in "ab"`,
	}
	if !slices.Equal(h.calls, want) {
		t.Errorf("heard %q\n want %q", h.calls, want)
	}
}

func TestObserverHearsOfEveryMethod(t *testing.T) {
	var h heard
	s := observed(memstore.New(), ender{"o", &h})
	var want []string
	for op := range everyMethod(t.Context(), s, "b") {
		what := op + " b"
		if op == "apply" || op == "leaseEnds" || op == "statuses" || strings.HasSuffix(op, "Many") {
			what = op + " "
		}
		want = append(want, "o: end "+what+` in ""`)
	}
	for op := range everyWalk(t.Context(), s) {
		what := op + " *"
		if op == "groups" { // it has no pattern
			what = op + " "
		}
		want = append(want, "o: end "+what+` in ""`)
	}
	if !slices.Equal(h.calls, want) {
		t.Errorf("heard %q\n want %q", h.calls, want)
	}
}

func TestObserverIsToldTheCall(t *testing.T) {
	var got checkpoint.Call
	s := observed(memstore.New(), callEnd(func(call checkpoint.Call) { got = call }))
	if err := s.Set(t.Context(), "a", somewhere, checkpoint.Epoch(3), checkpoint.TTL(time.Hour)); err != nil {
		t.Fatal(err)
	}
	want := checkpoint.Call{
		Engine: "Memory", Op: "set", Key: "a", Size: 1,
		Write: checkpoint.Write{Key: "a", TTL: time.Hour, Mark: checkpoint.Mark{Position: somewhere, Epoch: 3}},
	}
	if got != want {
		t.Errorf("the observer is told %+v\n want %+v", got, want)
	}
}

// TestEngineIsNotTheComponent: metrics are labelled with the one, logs with the other.
func TestEngineIsNotTheComponent(t *testing.T) {
	for name, d := range map[string]driver.Driver{"Memory": memstore.New(), "": struct{ driver.Driver }{memstore.New()}} {
		var text bytes.Buffer
		engine := "not told"
		s := checkpoint.New(d, &checkpoint.Options{
			Logger:    slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Observers: []checkpoint.Observer{callEnd(func(call checkpoint.Call) { engine = call.Engine })},
		})
		if err := s.Set(t.Context(), "a", somewhere); err != nil {
			t.Fatal(err)
		}
		if engine != name || !strings.Contains(text.String(), " component="+name+"CheckpointStore ") {
			t.Errorf("of the driver %q the observer is told %q, and the log:\n%s", name, engine, text.String())
		}
	}
}

type callEnd func(checkpoint.Call)

func (f callEnd) CallEnd(_ context.Context, call checkpoint.Call, _ checkpoint.CallResult) { f(call) }

// TestObserverCountsOutcomes: a metric must tell what failed from what may have
// landed.
func TestObserverCountsOutcomes(t *testing.T) {
	for outcome, want := range map[driver.Outcome]checkpoint.CallResult{
		driver.Failed:  {Failed: 1, Outcome: checkpoint.Failed},
		driver.Unknown: {Unknown: 1, Outcome: checkpoint.Unknown},
	} {
		var h heard
		s := observed(silent{memstore.New(), outcome}, ender{"o", &h})
		want.Err = s.Set(t.Context(), "a", somewhere)
		_, err := s.Apply(t.Context(), checkpoint.Write{Key: "a"}, checkpoint.Write{Key: "b"})
		set, apply := h.results["set"], h.results["apply"]
		set.Duration = 0
		if set != want {
			t.Errorf("%v: set ended with %+v, want %+v", outcome, set, want)
		}
		if apply.Failed != 2*want.Failed || apply.Unknown != 2*want.Unknown || !errors.Is(apply.Err, err) {
			t.Errorf("%v: apply ended with %+v, want two of them", outcome, apply)
		}
	}
}

// TestObserverTellsAnswersApart: a write that is fenced is a reason to look, one that is
// stale is not.
func TestObserverTellsAnswersApart(t *testing.T) {
	var h heard
	s := observed(memstore.New(), ender{"o", &h})
	at := func(commit, epoch uint64) checkpoint.Write {
		return checkpoint.Write{Key: "a", IfNewer: true, Mark: checkpoint.Mark{
			Position: checkpoint.Position{Commit: commit}, Epoch: epoch,
		}}
	}
	if _, err := s.Apply(t.Context(), at(2, 2), at(2, 2), at(1, 2), at(1, 2), at(3, 1)); err != nil {
		t.Fatal(err)
	}
	want := checkpoint.CallResult{Count: 2, Unchanged: 1, Refused: 3, Fenced: 1}
	got := h.results["apply"]
	if got.Duration = 0; got != want {
		t.Errorf("apply ended with %+v, want %+v", got, want)
	}
}

func TestObserverCountsLeases(t *testing.T) {
	var h heard
	d := memstore.New()
	s := observed(d, ender{"o", &h})
	for range 2 { // the second locks out the first
		if _, err := s.Acquire(t.Context(), "a", "a", time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	d.DamageFence("b")
	if _, err := s.RenewMany(t.Context(), leasesOf("a", "b")...); err != nil {
		t.Fatal(err)
	}
	if r := h.results["renewMany"]; r.Count != 0 || r.Refused != 1 || r.Fenced != 1 || r.Failed != 1 || r.Err != nil {
		t.Errorf("renewMany ended with %+v; want one refused, and one failed", r)
	}
	if _, err := s.AcquireMany(t.Context(), leasesOf("a", "c")...); err != nil {
		t.Fatal(err)
	}
	if r := h.results["acquireMany"]; r.Count != 2 || r.Refused+r.Failed != 0 {
		t.Errorf("acquireMany ended with %+v; want two granted", r)
	}
}

// What a call returns is what its observer is told: a metric of errors must not
// count a checkpoint that Exists has found to be missing.
func TestObserverOfExists(t *testing.T) {
	var h heard
	s := observed(memstore.New(), ender{"o", &h})
	if there, err := s.Exists(t.Context(), "a"); there || err != nil {
		t.Fatalf("Exists: %v, %v; want false", there, err)
	}
	if r := h.results["exists"]; r.Err != nil || r.Count != 0 {
		t.Errorf("exists ended with %+v; want no error, and none found", r)
	}
}

// A call that is refused is one, too.
func TestObserverOfAcquireWithoutOwner(t *testing.T) {
	var h heard
	s := observed(memstore.New(), ender{"o", &h})
	_, err := s.Acquire(t.Context(), "a", "", time.Second)
	if r := h.results["acquire"]; r.Err == nil || r.Err.Error() != err.Error() {
		t.Errorf("Acquire: %v; the observer is told %+v", err, r)
	}
}
