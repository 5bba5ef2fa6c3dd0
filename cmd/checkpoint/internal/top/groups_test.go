package top

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/group"
)

// shared fills a store with a group that an operator has given orders to.
func shared(s *checkpoint.Store) {
	incident(s)
	ctx := context.Background()
	joins := func(name string, partitions ...string) {
		_, err := s.Beat(ctx, "shop", checkpoint.Member{Name: name, Weight: 1}, 8*time.Hour)
		must(err)
		must(s.DeclareGroup(ctx, "shop"))
		for _, p := range partitions {
			_, err := s.Acquire(ctx, group.Key("shop", p), name, 8*time.Hour)
			must(err)
		}
	}
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprint(100+i))
	}
	joins("host-1", many...)
	joins("host-2", "1", "2", "10")
	joins("host-3")
	_, err := s.Acquire(ctx, "shop/9", "stranger", 8*time.Hour)
	must(err)
	must(s.Set(ctx, "shop/3", at(5)))
	report(s, "shop/3", checkpoint.Status{Position: new(at(5)), Lag: new(uint64(9)), AdvancedAt: time.Now().Add(-7 * time.Minute)})
	by := checkpoint.WithBy(ctx, "ana@db1", "INC-7: new disk")
	must(s.OrderGroup(by, "shop", checkpoint.GroupOrder{Drain: "host-2"}))
	must(s.OrderGroup(by, "shop", checkpoint.GroupOrder{Pin: "10", To: "host-9"}))
}

func TestGroups(t *testing.T) {
	sit(t, shared, func(p *person) {
		p.see("m groups")
		p.press("m")
		p.compare("groups_80x24")
		p.press("?", "x")
		p.see("host-2", "draining")
		p.resize(60, 12)
		p.press("end")
		p.see("pin 10 to host-9 waits")
		p.doNotSee("100 101")
		p.press("home")
		p.see("shop  44 of 45 partitions held, 1 free")
		must(p.store.WithdrawOrder(p.Context(), "shop", checkpoint.GroupOrder{Drain: "host-2"}))
		p.wait(2 * time.Second)
		p.doNotSee("draining")
		p.driver.Fail(errors.New("no route"))
		p.wait(4 * time.Second)
		p.see("OLD: last read", "host-1")
		p.press("esc")
		p.see("▸~billing")
	})
	sit(t, incident, func(p *person) {
		p.doNotSee("m groups")
		p.press("m")
		p.see("no group has a key that matches *")
		p.press("m", "m", "q")
		if !p.quit {
			p.Error("q does not quit")
		}
	})
}

// TestGroupsOfAPattern: a pattern chooses groups, and not their partitions. A member that still
// holds some is not drained.
func TestGroupsOfAPattern(t *testing.T) {
	sit(t, shared, func(p *person) {
		must(p.store.OrderGroup(p.Context(), "shop", checkpoint.GroupOrder{Drain: "host-1"}))
		must(p.store.DeclareGroup(p.Context(), "archive"))
		m := p.model.(model)
		m.Pattern = "shop/1"
		p.model = m
		p.wait(4 * time.Second)
		p.press("m")
		p.resize(200, 60)
		p.see("shop  44 of 45 partitions held, 1 free", "host-1    draining   40: 100 101", "drain host-1 moving")
		p.doNotSee("drained")
		p.doNotSee("archive  ")
	})
}

// TestHostileGroups: what members say of themselves does not steer the terminal.
func TestHostileGroups(t *testing.T) {
	const bad = "\x1b]0;owned\x07"
	sit(t, shared, func(p *person) {
		for _, r := range []driver.Report{
			{Key: "group:shop:members", Instance: "a" + bad, Text: bad, TTL: time.Hour},
			{Key: "group:shop:orders", Instance: "x", Text: `{"drain":"\u001b]0;owned\u0007","actor":"\u001b]0;owned\u0007","reason":"\u0007"}`},
			{Key: "group:shop:orders", Instance: "y", Text: bad},
		} {
			_, err := driver.ReportTo(p.Context(), p.driver, []driver.Report{r})
			must(err)
		}
		p.driver.Edit("shop/"+bad, func(c *cell) { c.Checkpoint.Exists, c.Lease.Owner = true, "o"+bad })
		p.wait(2 * time.Second)
		p.resize(200, 60)
		p.press("m")
		p.see(`drain "\x1b]0;owned\a" waits`, `2: 3 (stuck) "\x1b]0;owned\a"`, "damaged: an order")
		for _, r := range p.model.View().Content {
			if r == '\a' || r == '\x9b' {
				p.Fatalf("the screen has %q:\n%q", r, p.model.View().Content)
			}
		}
	})
}
