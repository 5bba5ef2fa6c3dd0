package group_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A bench runs members over one engine, in a bubble.
type bench struct {
	*testing.T
	engine *memstore.Driver
	mu     sync.Mutex
	works  map[string]string // who works on a partition
	moves  []string
}

// A runner is a member that runs.
type runner struct {
	*cable
	stop context.CancelFunc
	done chan error
}

func bubble(t *testing.T, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(&bench{T: t, engine: memstore.New(), works: make(map[string]string)})
	})
}

func fromStart(string) subscription.Options {
	return subscription.Options{Missing: subscription.FromStart, ReportEvery: -1}
}

// start runs a member on partitions 0 to n-1.
func (b *bench) start(n int, opts group.Options) *runner {
	b.Helper()
	return b.run(group.Fixed(numbered(n)...), opts, b.consume(opts.Member))
}

func (b *bench) run(
	partitions func(context.Context) ([]string, error), opts group.Options,
	consume func(context.Context, string, *subscription.Subscription) error,
) *runner {
	b.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &runner{cable: &cable{Driver: b.engine, changed: make(chan struct{})}, stop: stop, done: make(chan error, 1)}
	b.Cleanup(stop)
	opts.TTL = ttl
	if opts.Subscription == nil {
		opts.Subscription = fromStart
	}
	go func() { r.done <- group.Run(ctx, checkpoint.New(r.cable, nil), "g", partitions, &opts, consume) }()
	return r
}

// consume works until it is to stop.
func (b *bench) consume(member string) func(context.Context, string, *subscription.Subscription) error {
	return func(ctx context.Context, partition string, s *subscription.Subscription) error {
		b.begin(member, partition)
		defer b.end(partition)
		select {
		case <-ctx.Done():
		case <-s.Context().Done():
		}
		return nil
	}
}

func (b *bench) begin(member, partition string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if other := b.works[partition]; other != "" {
		b.Errorf("%s begins partition %s while %s works on it", member, partition, other)
	}
	b.works[partition] = member
	b.moves = append(b.moves, partition+" to "+member)
}

func (b *bench) end(partition string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.works, partition)
}

// numbersOf says how many partitions each member works on.
func (b *bench) numbersOf() map[string]int {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return counts(b.works)
}

func (b *bench) want(want map[string]int) {
	b.Helper()
	if got := b.numbersOf(); !maps.Equal(got, want) {
		b.Errorf("the members work on %v partitions, want %v", got, want)
	}
}

func (b *bench) moved() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.moves)
	b.moves = nil
	return n
}

func (r *runner) ends(b *bench) error {
	b.Helper()
	r.stop()
	return <-r.done
}

// TestFirstMembersWaitForEachOther: nobody takes all and gives it away again.
func TestFirstMembersWaitForEachOther(t *testing.T) {
	bubble(t, func(b *bench) {
		for _, name := range []string{"a", "b", "c", "d"} {
			b.start(32, group.Options{Member: name})
			time.Sleep(ttl / 20)
		}
		time.Sleep(ttl)
		b.want(map[string]int{"a": 8, "b": 8, "c": 8, "d": 8})
		if n := b.moved(); n != 32 {
			b.Errorf("32 partitions were begun %d times", n)
		}
	})
}

// TestMemberThatEndsIsReplacedAtOnce: the engine wakes the others when its leases end.
func TestMemberThatEndsIsReplacedAtOnce(t *testing.T) {
	bubble(t, func(b *bench) {
		b.start(8, group.Options{Member: "a"})
		r := b.start(8, group.Options{Member: "b"})
		time.Sleep(2 * ttl)
		b.want(map[string]int{"a": 4, "b": 4})
		if err := r.ends(b); err != nil {
			b.Error(err)
		}
		time.Sleep(ttl / 10)
		b.want(map[string]int{"a": 8})
	})
}

// TestMemberThatDiesIsReplaced after a TTL.
func TestMemberThatDiesIsReplaced(t *testing.T) {
	bubble(t, func(b *bench) {
		b.start(8, group.Options{Member: "a"})
		r := b.start(8, group.Options{Member: "b"})
		time.Sleep(2 * ttl)
		r.set(down)
		time.Sleep(ttl + ttl/10)
		b.want(map[string]int{"a": 8})
		r.set(up)
		time.Sleep(2 * ttl)
		b.want(map[string]int{"a": 4, "b": 4})
	})
}

// TestMemberThatCannotGiveSignsOfLifeStops, although its leases could be renewed: it
// would hold them for ever, and see nobody who joins.
func TestMemberThatCannotGiveSignsOfLifeStops(t *testing.T) {
	bubble(t, func(b *bench) {
		r := b.start(8, group.Options{Member: "a"})
		time.Sleep(2 * ttl)
		r.deny(true)
		time.Sleep(ttl)
		b.want(map[string]int{})
		r.deny(false)
		time.Sleep(ttl)
		b.want(map[string]int{"a": 8})
	})
}

// TestMemberThatComesBack under its name within its time finds its partitions, and no
// other partition moves.
func TestMemberThatComesBack(t *testing.T) {
	for name, end := range map[string]func(b *bench, r *runner){
		"after a crash": func(_ *bench, r *runner) { r.set(down) },
		"after a restart": func(b *bench, r *runner) {
			if err := r.ends(b); err != nil {
				b.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b *bench) {
				for _, name := range []string{"a", "c"} {
					b.start(9, group.Options{Member: name})
				}
				r := b.start(9, group.Options{Member: "b", KeepPlace: true})
				time.Sleep(2 * ttl)
				before := b.copyWorks()
				b.moved()
				end(b, r)
				if name == "after a crash" {
					b.forget("b")
				}
				time.Sleep(ttl / 2)
				b.start(9, group.Options{Member: "b", KeepPlace: true})
				time.Sleep(ttl)
				if after := b.copyWorks(); !maps.Equal(before, after) {
					b.Errorf("before it was %v, and it is %v", before, after)
				}
				if n := b.moved(); n != 3 {
					b.Errorf("%d partitions were begun again, want the three of the member", n)
				}
			})
		})
	}
}

// forget takes a member for dead.
func (b *bench) forget(member string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.works, func(_, m string) bool { return m == member })
}

func (b *bench) copyWorks() map[string]string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.works)
}

func TestOrders(t *testing.T) {
	bubble(t, func(b *bench) {
		for _, name := range []string{"a", "b", "c"} {
			b.start(6, group.Options{Member: name})
		}
		time.Sleep(2 * ttl)
		store := checkpoint.New(b.engine, nil)
		order := func(o checkpoint.GroupOrder) {
			if err := store.OrderGroup(b.Context(), "g", o); err != nil {
				b.Fatal(err)
			}
			time.Sleep(ttl)
		}
		order(checkpoint.GroupOrder{Drain: "b"})
		b.want(map[string]int{"a": 3, "c": 3})
		for _, p := range []string{"0", "1", "2", "3"} {
			order(checkpoint.GroupOrder{Pin: p, To: "c"})
		}
		b.want(map[string]int{"a": 2, "c": 4})
		if err := store.WithdrawOrder(b.Context(), "g", checkpoint.GroupOrder{Drain: "b"}); err != nil {
			b.Fatal(err)
		}
		time.Sleep(ttl)
		b.want(map[string]int{"a": 1, "b": 1, "c": 4})
	})
}

func TestPartitionsChange(t *testing.T) {
	bubble(t, func(b *bench) {
		var mu sync.Mutex
		n := 4
		partitions := func(context.Context) ([]string, error) {
			mu.Lock()
			defer mu.Unlock()
			if n < 0 {
				return nil, errors.New("the log does not answer")
			}
			return numbered(n), nil
		}
		resize := func(to int) {
			mu.Lock()
			n = to
			mu.Unlock()
			time.Sleep(ttl)
		}
		b.run(partitions, group.Options{Member: "a"}, b.consume("a"))
		b.run(partitions, group.Options{Member: "b"}, b.consume("b"))
		resize(4)
		b.want(map[string]int{"a": 2, "b": 2})
		resize(10)
		b.want(map[string]int{"a": 5, "b": 5})
		resize(-1) // they stay as they were
		b.want(map[string]int{"a": 5, "b": 5})
		resize(2)
		b.want(map[string]int{"a": 1, "b": 1})
	})
}

var errBroken = errors.New("the handler is broken")

// TestPartitionThatFails begins again after a while, and holds up no other.
func TestPartitionThatFails(t *testing.T) {
	bubble(t, func(b *bench) {
		var failures []time.Time
		sound := b.consume("a")
		b.run(group.Fixed("good", "bad"), group.Options{Member: "a"}, func(ctx context.Context, partition string, s *subscription.Subscription) error {
			if partition == "bad" && len(failures) < 4 {
				failures = append(failures, time.Now())
				return errBroken
			}
			return sound(ctx, partition, s)
		})
		time.Sleep(ttl)
		b.want(map[string]int{"a": 1})
		time.Sleep(ttl)
		b.want(map[string]int{"a": 2})
		for i, least := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			if wait := failures[i+1].Sub(failures[i]); wait < least || wait > least+time.Second {
				b.Errorf("after failure %d the partition begins again after %v, want %v", i+1, wait, least)
			}
		}
	})
}

func TestFailedEndsTheMember(t *testing.T) {
	bubble(t, func(b *bench) {
		r := b.run(group.Fixed("good", "bad"), group.Options{
			Member: "a",
			Failed: func(_ string, attempt int, _ error) (time.Duration, bool) { return time.Second, attempt < 2 },
		}, func(ctx context.Context, partition string, s *subscription.Subscription) error {
			if partition == "bad" {
				return errBroken
			}
			return b.consume("a")(ctx, partition, s)
		})
		if err := <-r.done; !errors.Is(err, errBroken) || !strings.Contains(err.Error(), `partition "bad"`) {
			b.Errorf("Run returns %v", err)
		}
		b.want(map[string]int{})
		if view, err := checkpoint.New(b.engine, nil).Group(b.Context(), "g"); err != nil || len(view.Members) != 0 {
			b.Errorf("after the end of the member the group has %+v, %v", view.Members, err)
		}
	})
}

// TestPartitionThatEnds is not begun again by this member.
func TestPartitionThatEnds(t *testing.T) {
	bubble(t, func(b *bench) {
		begun := 0
		b.run(group.Fixed("0"), group.Options{Member: "a"}, func(context.Context, string, *subscription.Subscription) error {
			begun++
			return nil
		})
		time.Sleep(10 * ttl)
		synctest.Wait()
		if begun != 1 {
			b.Errorf("the partition was begun %d times", begun)
		}
	})
}

// TestLostLeaseIsAcquiredAgain at once: it is no failure of the partition.
func TestLostLeaseIsAcquiredAgain(t *testing.T) {
	bubble(t, func(b *bench) {
		b.start(2, group.Options{Member: "a", Failed: func(string, int, error) (time.Duration, bool) {
			b.Error("a lost lease is a failure")
			return 0, false
		}})
		time.Sleep(ttl)
		if _, err := checkpoint.New(b.engine, nil).Revoke(b.Context(), "g/1"); err != nil {
			b.Fatal(err)
		}
		time.Sleep(ttl / 2)
		b.want(map[string]int{"a": 2})
		if n := b.moved(); n != 3 {
			b.Errorf("partitions were begun %d times, want 3", n)
		}
	})
}

// TestConsumerThatDoesNotStop keeps its lease until the lease ends by itself, and the end
// of Run is late but comes.
func TestConsumerThatDoesNotStop(t *testing.T) {
	bubble(t, func(b *bench) {
		release := make(chan struct{})
		r := b.run(group.Fixed("0"), group.Options{Member: "a"}, func(_ context.Context, partition string, s *subscription.Subscription) error {
			b.begin("a", partition)
			<-s.Context().Done()
			time.Sleep(ttl / 2) // the lease lasts longer
			b.end(partition)
			<-release
			return nil
		})
		time.Sleep(ttl)
		b.want(map[string]int{"a": 1})
		b.start(1, group.Options{Member: "b"})
		if err := r.ends(b); !errors.Is(err, group.ErrDrainPatience) || !strings.Contains(err.Error(), `"0"`) {
			b.Errorf("Run returns %v, want ErrDrainPatience with the partition", err)
		}
		time.Sleep(ttl)
		b.want(map[string]int{"b": 1})
		close(release)
	})
}

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
