package checkpoint_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
)

func TestGroup(t *testing.T) {
	ctx := t.Context()
	s := checkpoint.New(memstore.New(), nil)
	if err := s.DeclareGroup(ctx, "orders"); err != nil {
		t.Fatal(err)
	}
	since := time.Now().UTC().Truncate(time.Millisecond)
	m := checkpoint.Member{Name: "b", Host: "app-1", PID: 7, Since: since, Weight: 2, Info: "fast"}
	if _, err := s.Beat(ctx, "orders", m, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Acquire(ctx, "orders/1", "b", time.Minute); err != nil {
		t.Fatal(err)
	}
	view, err := s.Beat(ctx, "orders", checkpoint.Member{Name: "a", Weight: 1}, time.Minute, "orders/0", "orders/1")
	if err != nil {
		t.Fatal(err)
	}
	if len(view.Members) != 2 || view.Members[0].Name != "a" {
		t.Fatalf("the members are %+v, want a and b", view.Members)
	}
	got := view.Members[1]
	if got.SeenAt.IsZero() || !got.ExpiresAt.After(got.SeenAt) {
		t.Errorf("b was seen at %v and ends at %v", got.SeenAt, got.ExpiresAt)
	}
	got.SeenAt, got.ExpiresAt = time.Time{}, time.Time{}
	if got != m {
		t.Errorf("the member is %+v, want %+v", got, m)
	}
	if view.Leases[0].Owner != "" || view.Leases[1].Owner != "b" {
		t.Errorf("the leases are %+v", view.Leases)
	}

	by := checkpoint.WithBy(ctx, "ana", "its disk is full")
	for _, o := range []checkpoint.GroupOrder{{Drain: "b"}, {Pin: "1", To: "a"}, {Pin: "1", To: "c"}} {
		if err := s.OrderGroup(by, "orders", o); err != nil {
			t.Fatal(err)
		}
	}
	if view, err = s.Group(ctx, "orders"); err != nil {
		t.Fatal(err)
	}
	if len(view.Members) != 2 || len(view.Orders) != 2 {
		t.Fatalf("the view is %+v", view)
	}
	drain, pin := view.Orders[0], view.Orders[1]
	if drain.Drain != "b" || drain.Actor != "ana" || drain.Reason != "its disk is full" || drain.At.IsZero() || pin.Pin != "1" || pin.To != "c" {
		t.Errorf("the orders are %+v", view.Orders)
	}
	if err := s.WithdrawOrder(ctx, "orders", checkpoint.GroupOrder{Drain: "b"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Leave(ctx, "orders", "b"); err != nil {
		t.Fatal(err)
	}
	if view, err = s.Group(ctx, "orders"); err != nil || len(view.Members) != 1 || len(view.Orders) != 1 {
		t.Errorf("after b has left: %+v, %v", view, err)
	}
	if names, err := s.Groups(ctx); err != nil || !slices.Equal(names, []string{"orders"}) {
		t.Errorf("the groups are %q, %v", names, err)
	}
}

// TestInfoOfAMember may have 1024 bytes.
func TestInfoOfAMember(t *testing.T) {
	s := checkpoint.New(memstore.New(), nil)
	m := checkpoint.Member{Name: "a", Weight: 1, Info: strings.Repeat("x", 1024)}
	if _, err := s.Beat(t.Context(), "g", m, time.Minute); err != nil {
		t.Fatal(err)
	}
	if view, err := s.Group(t.Context(), "g"); err != nil || len(view.Members) != 1 || view.Members[0].Info != m.Info {
		t.Errorf("Group: %+v, %v; want the Info of 1024 bytes", view, err)
	}
}

func TestGroupRefuses(t *testing.T) {
	s := checkpoint.New(memstore.New(), nil)
	sound := checkpoint.Member{Name: "a", Weight: 1}
	heavy := sound
	heavy.Info = strings.Repeat("x", 1025)
	binary, torn := sound, sound
	binary.Info, torn.Info = strings.Repeat("\x01", 1024), "\xff"
	for name, call := range map[string]func(context.Context) error{
		"no group": func(ctx context.Context) error { _, err := s.Beat(ctx, "", sound, time.Minute); return err },
		"a long group": func(ctx context.Context) error {
			_, err := s.Beat(ctx, strings.Repeat("g", 257), sound, time.Minute)
			return err
		},
		"no member": func(ctx context.Context) error {
			_, err := s.Beat(ctx, "g", checkpoint.Member{Weight: 1}, time.Minute)
			return err
		},
		"no weight": func(ctx context.Context) error {
			_, err := s.Beat(ctx, "g", checkpoint.Member{Name: "a"}, time.Minute)
			return err
		},
		"a long Info":    func(ctx context.Context) error { _, err := s.Beat(ctx, "g", heavy, time.Minute); return err },
		"a binary Info":  func(ctx context.Context) error { _, err := s.Beat(ctx, "g", binary, time.Minute); return err },
		"a torn Info":    func(ctx context.Context) error { _, err := s.Beat(ctx, "g", torn, time.Minute); return err },
		"no TTL":         func(ctx context.Context) error { _, err := s.Beat(ctx, "g", sound, 0); return err },
		"an invalid key": func(ctx context.Context) error { _, err := s.Beat(ctx, "g", sound, time.Minute, "k\x00"); return err },
		"an empty order": func(ctx context.Context) error { return s.OrderGroup(ctx, "g", checkpoint.GroupOrder{}) },
		"two orders": func(ctx context.Context) error {
			return s.OrderGroup(ctx, "g", checkpoint.GroupOrder{Drain: "a", Pin: "0", To: "b"})
		},
		"a pin to nobody":    func(ctx context.Context) error { return s.OrderGroup(ctx, "g", checkpoint.GroupOrder{Pin: "0"}) },
		"to leave no group":  func(ctx context.Context) error { return s.Leave(ctx, "", "a") },
		"the view of no one": func(ctx context.Context) error { _, err := s.Group(ctx, ""); return err },
	} {
		if err := call(t.Context()); err == nil {
			t.Errorf("%s: there is no error", name)
		}
	}
}

// TestReportsOfGroupsAreApart: no consumer's key mixes its instances with members.
func TestReportsOfGroupsAreApart(t *testing.T) {
	s, ctx := checkpoint.New(memstore.New(), nil), t.Context()
	if _, err := s.Beat(ctx, "g", checkpoint.Member{Name: "a", Weight: 1}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := s.DeclareGroup(ctx, "g"); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"groups", "group:g:members", "group:g:orders"} {
		if _, err := s.Report(ctx, key, checkpoint.Status{Instance: "x"}, time.Minute); !errors.Is(err, checkpoint.ErrInvalidKey) {
			t.Errorf("Report at %q: %v", key, err)
		}
		if err := s.Pause(ctx, key); !errors.Is(err, checkpoint.ErrInvalidKey) {
			t.Errorf("Pause at %q: %v", key, err)
		}
		if statuses, err := s.Statuses(ctx, key); err != nil || len(statuses[0].Instances) != 0 {
			t.Errorf("Statuses at %q: %+v, %v", key, statuses, err)
		}
	}
	for _, key := range []string{"group", "groups2", "group:g", "group:g:checkpoints"} {
		if _, err := s.Report(ctx, key, checkpoint.Status{Instance: "x"}, time.Minute); err != nil {
			t.Errorf("Report at %q: %v", key, err)
		}
	}
}
