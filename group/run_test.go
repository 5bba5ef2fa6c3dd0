package group_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// TestMoves are told to observers, with how long they took.
func TestMoves(t *testing.T) {
	bubble(t, func(b *bench) {
		var w watching
		r := b.start(2, group.Options{Member: "a", Observers: []checkpoint.Observer{nil, &w}})
		time.Sleep(ttl)
		if err := r.ends(b); err != nil {
			b.Error(err)
		}
		want := []string{"gained 0 g/0", "gained 1 g/1", "given up 0 g/0", "given up 1 g/1"}
		slices.Sort(w.moves)
		if !slices.Equal(w.moves, want) {
			b.Errorf("the moves are %q, want %q", w.moves, want)
		}
		if w.view.Group != "g" || w.view.Member != "a" || len(w.view.Members) != 1 || w.view.Targets["1"] != "a" || w.view.Owners["1"] != "a" {
			b.Errorf("the last view is %+v", w.view)
		}
	})
}

type watching struct {
	mu    sync.Mutex
	moves []string
	view  group.View
}

func (w *watching) Moved(m group.Move) {
	w.mu.Lock()
	defer w.mu.Unlock()
	verb := "given up"
	if m.Gained {
		verb = "gained"
	}
	w.moves = append(w.moves, fmt.Sprintf("%s %s %s", verb, m.Partition, m.Key))
}

func (w *watching) Viewed(v group.View) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.view = v
}

func TestRunRefuses(t *testing.T) {
	consume := func(context.Context, string, *subscription.Subscription) error { return nil }
	store := checkpoint.New(memstore.New(), nil)
	for name, c := range map[string]struct {
		store      *checkpoint.Store
		group      string
		partitions []string
		opts       group.Options
	}{
		"a short TTL":           {store, "g", []string{"0"}, group.Options{TTL: time.Millisecond}},
		"long patience":         {store, "g", []string{"0"}, group.Options{TTL: time.Second, DrainPatience: time.Second}},
		"a negative weight":     {store, "g", []string{"0"}, group.Options{Weight: -1}},
		"a large weight":        {store, "g", []string{"0"}, group.Options{Weight: 1 << 40}},
		"no group":              {store, "", []string{"0"}, group.Options{}},
		"a partition twice":     {store, "g", []string{"0", "0"}, group.Options{}},
		"an empty partition":    {store, "g", []string{""}, group.Options{}},
		"a long partition":      {store, "g", []string{strings.Repeat("p", 512)}, group.Options{}},
		"a name with a control": {store, "g", []string{"0"}, group.Options{Member: "a\x00"}},
		"an engine without it":  {checkpoint.New(struct{ driver.Driver }{memstore.New()}, nil), "g", []string{"0"}, group.Options{}},
	} {
		if err := group.Run(t.Context(), c.store, c.group, group.Fixed(c.partitions...), &c.opts, consume); err == nil {
			t.Errorf("%s: there is no error", name)
		}
	}
	unknown := errors.New("no metadata")
	err := group.Run(t.Context(), store, "g", func(context.Context) ([]string, error) { return nil, unknown }, nil, consume)
	if !errors.Is(err, unknown) {
		t.Errorf("partitions that are not known: %v", err)
	}
}

// TestGroupLeavesNoGoroutine: what the members begin ends with them.
func TestGroupLeavesNoGoroutine(t *testing.T) {
	bubble(t, func(b *bench) {
		before := leaktest.InBubble()
		r := b.start(8, group.Options{Member: "a"})
		time.Sleep(ttl)
		if err := r.ends(b); err != nil {
			b.Error(err)
		}
		time.Sleep(time.Second)
		if more := leaktest.InBubble() - before; more != 0 {
			b.Errorf("%d goroutines are left", more)
		}
	})
}
