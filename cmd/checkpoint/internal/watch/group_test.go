package watch_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/memstore"
)

// A groupScene is a store with members that a test makes.
type groupScene struct {
	*testing.T
	mem   *memstore.Driver
	store *checkpoint.Store
}

func newGroupScene(t *testing.T) groupScene {
	t.Helper()
	mem := memstore.New()
	return groupScene{t, mem, checkpoint.New(mem, nil)}
}

func (s groupScene) do(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s groupScene) joins(name string, m checkpoint.Member, partitions ...string) {
	s.Helper()
	m.Weight = 1
	_, err := s.store.Beat(s.Context(), name, m, 15*time.Second)
	s.do(err)
	s.do(s.store.DeclareGroup(s.Context(), name))
	for _, p := range partitions {
		_, err := s.store.Acquire(s.Context(), group.Key(name, p), m.Name, time.Minute)
		s.do(err)
	}
}

func (s groupScene) order(o checkpoint.GroupOrder) {
	s.Helper()
	s.do(s.store.OrderGroup(checkpoint.WithBy(s.Context(), "ana", "why"), "orders", o))
}

func (s groupScene) group(name string) watch.Group {
	s.Helper()
	g, found, err := watch.Rules{}.Group(s.Context(), s.store, name)
	s.do(err)
	if !found {
		s.Fatalf("there is no group %q", name)
	}
	return g
}

func TestGroup(t *testing.T) {
	s := newGroupScene(t)
	s.joins("orders", checkpoint.Member{Name: "a"}, "10", "9", "x")
	s.joins("orders", checkpoint.Member{Name: "b"}, "1")
	s.joins("orders", checkpoint.Member{Name: "c"})
	s.joins("orders", checkpoint.Member{Name: "d", Leaving: true})
	s.do(s.store.Set(t.Context(), "orders/2", at(1)))
	s.do(s.store.Set(t.Context(), "orders", at(1)))
	s.do(s.store.Set(t.Context(), "orders/", at(1)))
	s.order(checkpoint.GroupOrder{Drain: "a"})
	s.order(checkpoint.GroupOrder{Drain: "c"})
	s.order(checkpoint.GroupOrder{Drain: "z"})
	for pin, to := range map[string]string{"1": "b", "2": "b", "3": "b", "9": "a", "x": "z"} {
		s.order(checkpoint.GroupOrder{Pin: pin, To: to})
	}

	g := s.group("orders")
	var partitions, members, orders []string
	for _, p := range g.Partitions {
		partitions = append(partitions, p.Name+"="+p.Holder())
	}
	for _, m := range g.Members {
		members = append(members, m.Name+" "+string(m.State)+" "+strings.Join(m.Holds, ","))
	}
	for _, o := range g.Orders {
		orders = append(orders, o.Drain+o.Pin+" "+string(o.State)+" "+o.Why)
		if o.Actor != "ana" || o.Reason != "why" {
			t.Errorf("the order %+v does not say who gave it, and why", o)
		}
	}
	for _, c := range []struct {
		what      string
		got, want []string
	}{
		{"partitions", partitions, []string{"1=b", "2=", "9=a", "10=a", "x=a"}},
		{"members", members, []string{"a draining 9,10,x", "b active 1", "c drained ", "d leaving "}},
		{"orders", orders, []string{
			"a moving ", "c done ", "z waits the member does not live", "1 done ", "2 moving ",
			"3 waits no such partition is known", "9 waits the member is draining", "x waits the member does not live",
		}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: got %q, want %q", c.what, c.got, c.want)
		}
	}
	if g.Drained() != 2 || g.Held() != 4 || g.Free() != 1 || g.BeatEvery() != 5*time.Second {
		t.Errorf("%d are drained, %d held, %d free, and a beat is %v", g.Drained(), g.Held(), g.Free(), g.BeatEvery())
	}
}

// TestGroupWithALongerName: a key belongs to one group, however the groups are read.
func TestGroupWithALongerName(t *testing.T) {
	s := newGroupScene(t)
	s.joins("orders", checkpoint.Member{Name: "a"}, "1", "us/1")
	s.joins("orders/eu", checkpoint.Member{Name: "a"}, "1", "2")
	s.joins("ord[e]rs", checkpoint.Member{Name: "a"}, "1")
	rows, err := watch.Rules{}.Snapshot(t.Context(), s.store, "*")
	s.do(err)
	groups, err := watch.Groups(t.Context(), s.store, rows)
	s.do(err)
	want := map[string]int{"orders": 2, "orders/eu": 2, "ord[e]rs": 1}
	for _, g := range groups {
		if n := len(g.Partitions); n != want[g.Name] || n != len(s.group(g.Name).Partitions) {
			t.Errorf("%s has %d partitions in the list, and %d alone; want %d", g.Name, n, len(s.group(g.Name).Partitions), want[g.Name])
		}
	}
	if len(groups) != len(want) {
		t.Errorf("got %d groups, want %d", len(groups), len(want))
	}
}

func TestGroupThatIsDamagedOrMissing(t *testing.T) {
	s := newGroupScene(t)
	if _, found, err := (watch.Rules{}).Group(t.Context(), s.store, "orders"); found || err != nil {
		t.Errorf("an empty store has the group: %t, %v", found, err)
	}
	results, err := driver.ReportTo(t.Context(), s.mem, []driver.Report{
		{Key: "group:orders:members", Instance: "a", Text: "{", TTL: time.Minute},
		{Key: "group:orders:orders", Instance: "drain x", Text: "{"},
	})
	if s.do(err); results[0].Err != nil || results[1].Err != nil {
		t.Fatal(results)
	}
	g := s.group("orders")
	if g.Members[0].State != watch.MemberDamaged || g.Orders[0].State != watch.OrderDamaged || g.Orders[0].Why == "" {
		t.Errorf("got %+v", g)
	}
	s.mem.Fail(errors.New("no disk"))
	if _, found, err := (watch.Rules{}).Group(t.Context(), s.store, "orders"); found || err == nil {
		t.Errorf("a failing store has the group: %t, %v", found, err)
	}
	if groups, err := watch.Groups(t.Context(), s.store, nil); err == nil {
		t.Errorf("a failing store has the groups %v", groups)
	}
}

// Programs read these fields: a change of a name breaks them.
func TestFieldsOfAGroup(t *testing.T) {
	day := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	s := newGroupScene(t)
	s.joins("orders", checkpoint.Member{Name: "a", Host: "db1", PID: 7, Since: day})
	s.do(s.store.Set(t.Context(), "orders/1", at(1)))
	s.order(checkpoint.GroupOrder{Pin: "1", To: "b"})
	g := s.group("orders")
	g.Members[0].SeenAt, g.Members[0].ExpiresAt, g.Orders[0].At = day, day, day
	g.Partitions[0].Row.Age = new(time.Second)
	got, err := json.Marshal(g)
	const want = `{"group":"orders","partitions":[{"partition":"1","status":{"key":"orders/1","state":"silent",` +
		`"why":"it was written lately, and nobody reports","position":{"commit":"1","prepare":"1"},"lag":null,"lagMs":null,"rate":null,` +
		`"leaseLeftMs":null,"ageMs":1000}}],` +
		`"members":[{"name":"a","host":"db1","pid":7,"since":"2024-05-06T07:08:09Z","weight":1,"state":"active","partitions":[],` +
		`"seenAt":"2024-05-06T07:08:09Z","expiresAt":"2024-05-06T07:08:09Z"}],` +
		`"orders":[{"pin":"1","to":"b","actor":"ana","reason":"why","at":"2024-05-06T07:08:09Z","state":"waits","why":"the member does not live"}]}`
	if err != nil || string(got) != want {
		t.Errorf("got\n%s, %v, want\n%s", got, err, want)
	}
}
