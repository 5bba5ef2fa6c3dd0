package group_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
)

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

// TestSlowStart: a store that is slow at first, as after a start of many instances, keeps
// nobody out.
func TestSlowStart(t *testing.T) {
	bubble(t, func(b *bench) {
		b.cables = hung
		r := b.start(2, group.Options{Member: "a"})
		time.Sleep(2 * ttl)
		r.set(up)
		time.Sleep(ttl)
		b.want(map[string]int{"a": 2})
	})
}

// TestMemberThatHoldsNothingIsPatient: otherwise the members of a group could keep a busy
// store so busy that it answers none of them.
func TestMemberThatHoldsNothingIsPatient(t *testing.T) {
	bubble(t, func(b *bench) {
		r := b.start(2, group.Options{Member: "a"})
		time.Sleep(2 * ttl)
		r.set(hung)
		time.Sleep(2 * ttl)
		b.want(map[string]int{})
		r.reported()
		time.Sleep(8 * ttl)
		if n := r.reported(); n > 6 {
			b.Errorf("in 8 TTLs a member that holds nothing gives %d signs of life, and nobody answers: want 6 at most", n)
		}
		r.set(up)
		time.Sleep(ttl)
		b.want(map[string]int{"a": 2})
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
