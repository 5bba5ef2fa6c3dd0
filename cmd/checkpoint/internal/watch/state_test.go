package watch_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

const key = "orders"

func at(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

// A scene is a store in a bubble of fake time.
type scene struct {
	*testing.T
	mem   *memstore.Driver
	store *checkpoint.Store
}

func (s scene) do(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s scene) advance(n uint64, opts ...checkpoint.WriteOption) {
	s.Helper()
	_, err := s.store.SetIfNewer(s.Context(), key, at(n), opts...)
	s.do(err)
}

// consumes runs a consumer of a log that grows by perSecond, whose events take took each.
func (s scene) consumes(perSecond uint64, took time.Duration) (stop func()) {
	s.Helper()
	began := time.Now()
	head := func() uint64 { return perSecond * uint64(time.Since(began)/time.Second) } //nolint:gosec // it is positive
	sub, err := subscription.Open(s.Context(), s.store, key, &subscription.Options{
		Missing: subscription.FromStart, Lease: &subscription.Lease{Owner: "a"},
		Head: func(context.Context) (checkpoint.Position, error) { return at(head()), nil },
	})
	s.do(err)
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		subscription.Run(ctx, sub, func(ctx context.Context) iter.Seq2[uint64, error] {
			return func(yield func(uint64, error) bool) {
				for n := uint64(1); ctx.Err() == nil; n++ {
					for n > head() && ctx.Err() == nil {
						time.Sleep(100 * time.Millisecond)
					}
					if !yield(n, nil) {
						return
					}
				}
			}
		}, subscription.Handler[uint64]{Position: at, Handle: func(ctx context.Context, _ uint64) error {
			select {
			case <-time.After(took):
			case <-ctx.Done():
			}
			return ctx.Err()
		}})
	}()
	return func() {
		cancel()
		<-done
		sub.Close(context.WithoutCancel(s.Context()))
	}
}

func TestStates(t *testing.T) {
	for _, c := range []struct {
		want  watch.State
		why   string // in it
		rules watch.Rules
		stage func(s scene) (end func())
	}{
		{watch.Damaged, "damaged", watch.Rules{}, func(s scene) func() { s.mem.Damage(key); return nil }},
		{watch.Damaged, "fence", watch.Rules{}, func(s scene) func() { s.mem.DamageFence(key); return nil }},
		{watch.Silent, "lately", watch.Rules{}, func(s scene) func() { s.advance(5); return nil }},
		{watch.Stopped, "", watch.Rules{}, func(s scene) func() { s.advance(5); time.Sleep(time.Hour); return nil }},
		{watch.Stopped, "", watch.Rules{Stale: 2 * time.Hour, Silent: false}, func(s scene) func() {
			s.advance(5)
			time.Sleep(3 * time.Hour)
			return nil
		}},
		{watch.Stale, "nobody has written for 3h", watch.Rules{Stale: 2 * time.Hour, Silent: true}, func(s scene) func() {
			s.advance(5)
			time.Sleep(3 * time.Hour)
			return nil
		}},
		{watch.Silent, `"a" holds the lease`, watch.Rules{}, func(s scene) func() {
			s.advance(5)
			_, err := s.store.Acquire(s.Context(), key, "a", 2*time.Hour)
			s.do(err)
			time.Sleep(time.Hour)
			return nil
		}},
		{watch.Dead, `the lease of "a" ended 59m ago`, watch.Rules{}, func(s scene) func() {
			_, err := s.store.Acquire(s.Context(), key, "a", time.Minute)
			s.do(err)
			time.Sleep(time.Hour)
			return nil
		}},
		{watch.Stopped, "", watch.Rules{}, func(s scene) func() {
			stop := s.consumes(1, 0)
			time.Sleep(time.Hour)
			stop()
			time.Sleep(time.Hour)
			return nil
		}},
		{watch.Idle, "", watch.Rules{}, func(s scene) func() { stop := s.consumes(0, 0); time.Sleep(time.Hour); return stop }},
		{watch.Running, "", watch.Rules{}, func(s scene) func() {
			stop := s.consumes(10, 100*time.Millisecond)
			time.Sleep(time.Hour + 500*time.Millisecond)
			return stop
		}},
		{watch.Slow, "it moves 1 a second, and the head 10", watch.Rules{}, func(s scene) func() {
			stop := s.consumes(10, time.Second)
			time.Sleep(time.Hour)
			return stop
		}},
		{watch.Stuck, "it has not advanced for 9m, and an event has been in work for 9m", watch.Rules{}, func(s scene) func() {
			stop := s.consumes(1, time.Hour)
			time.Sleep(10 * time.Minute)
			return stop
		}},
		{watch.Slow, "it moves 0 a second, and the head 1", watch.Rules{Stale: time.Hour}, func(s scene) func() {
			stop := s.consumes(1, 2*time.Hour)
			time.Sleep(10 * time.Minute)
			return stop
		}},
		{watch.Rewound, "rewind from C:5/P:5 by ana: too far", watch.Rules{}, func(s scene) func() {
			s.advance(5, checkpoint.Epoch(3))
			_, err := s.store.Rewind(checkpoint.WithBy(s.Context(), "ana", "too far"), key, at(2))
			s.do(err)
			return nil
		}},
		{watch.Rewound, "rewind from C:5/P:5 by ana: its owner has died", watch.Rules{}, func(s scene) func() {
			l, err := s.store.Acquire(s.Context(), key, "host-1", time.Minute)
			s.do(err)
			s.advance(5, checkpoint.Epoch(l.Epoch))
			_, err = s.store.Rewind(checkpoint.WithBy(s.Context(), "ana", "its owner has died"), key, at(2))
			s.do(err)
			return nil
		}},
		{watch.Silent, "lately", watch.Rules{}, func(s scene) func() {
			_, err := s.store.Rewind(s.Context(), key, at(2))
			s.do(err)
			s.advance(3, checkpoint.Epoch(1))
			return nil
		}},
		{watch.Paused, "paused by ana: full disk", watch.Rules{}, func(s scene) func() {
			stop := s.consumes(1, 0)
			s.do(s.store.Pause(checkpoint.WithBy(s.Context(), "ana", "full disk"), key))
			time.Sleep(time.Hour)
			return stop
		}},
		{watch.Trimmed, "it is at C:5/P:5, and the log begins after C:9/P:9", watch.Rules{}, func(s scene) func() {
			s.report(checkpoint.Status{Instance: "a", State: checkpoint.StateRunning, Position: new(at(5)), Begins: new(at(9)), Head: new(at(20))})
			s.advance(5)
			return nil
		}},
		{watch.Beyond, "it is at C:5/P:5, and the log ends at C:4/P:4", watch.Rules{}, func(s scene) func() {
			s.report(checkpoint.Status{Instance: "a", State: checkpoint.StateRunning, Position: new(at(5)), Begins: new(at(0)), Head: new(at(4))})
			s.advance(5)
			return nil
		}},
		{watch.Trimmed, "the log begins after C:9/P:9", watch.Rules{}, func(s scene) func() {
			s.report(checkpoint.Status{Instance: "a", State: checkpoint.StatePaused, Position: new(at(5)), Begins: new(at(9)), Head: new(at(20))})
			s.advance(5)
			s.do(s.store.Pause(s.Context(), key))
			return nil
		}},
		{watch.Paused, "the pause has ended", watch.Rules{}, func(s scene) func() {
			now := time.Now()
			s.report(checkpoint.Status{Instance: "a", State: checkpoint.StatePaused, Lag: new(uint64(5)), Now: now, Since: now.Add(-10 * time.Minute)})
			s.advance(5)
			return nil
		}},
		{watch.Standby, "1 instances wait", watch.Rules{}, func(s scene) func() {
			s.advance(1)
			s.report(checkpoint.Status{Instance: "b", State: checkpoint.StateStandby})
			return nil
		}},
		{watch.Draining, "last error: boom", watch.Rules{}, func(s scene) func() {
			s.advance(1)
			s.report(checkpoint.Status{Instance: "b", State: checkpoint.StateDraining, Since: time.Now(), Now: time.Now(), LastError: "boom"})
			return nil
		}},
		{watch.Late, `"a" has not reported for 8s`, watch.Rules{}, func(s scene) func() {
			s.advance(1)
			s.report(checkpoint.Status{Instance: "a", State: checkpoint.StateRunning, Since: time.Now(), Now: time.Now()})
			time.Sleep(8 * time.Second)
			return nil
		}},
		{watch.Damaged, `the report of "a" cannot be read`, watch.Rules{}, func(s scene) func() {
			s.advance(5)
			time.Sleep(24 * time.Hour)
			s.writes(driver.Report{Instance: "a", Text: `{"instance":5}`})
			return nil
		}},
		{watch.Damaged, `the report of "a" cannot be read`, watch.Rules{}, func(s scene) func() {
			_, err := s.store.Acquire(s.Context(), key, "a", time.Minute)
			s.do(err)
			s.writes(driver.Report{Instance: "a", Text: `{"instance":5}`})
			s.report(checkpoint.Status{Instance: "b", State: checkpoint.StateStandby})
			return nil
		}},
		{watch.Running, "", watch.Rules{}, func(s scene) func() {
			s.advance(5)
			s.writes(driver.Report{Instance: "a", Text: `{"instance":5}`})
			s.report(checkpoint.Status{Instance: "b", State: checkpoint.StateRunning, Since: time.Now(), Now: time.Now()})
			return nil
		}},
		{watch.Paused, "paused", watch.Rules{}, func(s scene) func() {
			s.advance(5)
			s.writes(driver.Report{Instance: "a", Text: `{"instance":5}`})
			s.do(s.store.Pause(s.Context(), key))
			return nil
		}},
	} {
		t.Run(string(c.want)+" "+c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mem := memstore.New()
				s := scene{t, mem, checkpoint.New(mem, nil)}
				end := c.stage(s)
				synctest.Wait()
				rows, err := c.rules.Snapshot(t.Context(), s.store, "*")
				if err != nil || len(rows) != 1 {
					t.Fatalf("%d rows, %v", len(rows), err)
				}
				if r := rows[0]; r.State != c.want || !strings.Contains(r.Why, c.why) || c.why == "" && r.Why != "" {
					t.Errorf("it is %s: %q; the worker is %+v", r.State, r.Why, r.Worker)
				}
				if end != nil {
					end()
				}
			})
		})
	}
}

func (s scene) report(status checkpoint.Status) {
	s.Helper()
	_, err := s.store.Report(s.Context(), key, status, 15*time.Second)
	s.do(err)
}

// writes stores a report past the Store.
func (s scene) writes(r driver.Report) {
	s.Helper()
	r.Key, r.TTL = key, 15*time.Second
	_, err := s.mem.Report(s.Context(), []driver.Report{r})
	s.do(err)
}

// A store that fails must not look like one in which nobody is stuck.
func TestSnapshotOfAStoreThatFails(t *testing.T) {
	mem := memstore.New()
	s := checkpoint.New(mem, nil)
	for _, k := range []string{"a", "b"} {
		if _, err := s.Rewind(t.Context(), k, at(1)); err != nil {
			t.Fatal(err)
		}
	}
	for name, d := range map[string]driver.Driver{
		"histories": noHistory{mem}, "reports": noReports{mem}, "cells": noCells{mem},
	} {
		if rows, err := (watch.Rules{}).Snapshot(t.Context(), checkpoint.New(d, nil), "*"); err == nil {
			t.Errorf("%s fail: %+v and no error", name, rows)
		}
	}
	// A store of fewer abilities has fewer states.
	rows, err := (watch.Rules{}).Snapshot(t.Context(), checkpoint.New(struct{ driver.Driver }{mem}, nil), "*")
	if err != nil || len(rows) != 2 || rows[0].Key != "a" || rows[0].State != watch.Silent {
		t.Errorf("of five methods: %+v, %v", rows, err)
	}
}

type (
	noHistory struct{ *memstore.Driver }
	noReports struct{ *memstore.Driver }
	noCells   struct{ *memstore.Driver }
)

type away struct{}

func (away) Error() string { return "the engine is away" }

func (noHistory) History(context.Context, string, int) ([]driver.AuditEntry, error) {
	return nil, away{}
}

func (noReports) Reports(context.Context, []string) ([][]driver.Report, error) { return nil, away{} }

func (noCells) ScanCells(context.Context, string, int) iter.Seq2[[]driver.Cell, error] {
	return func(yield func([]driver.Cell, error) bool) { yield(nil, away{}) }
}
