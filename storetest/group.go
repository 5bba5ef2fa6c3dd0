package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var grouping = &ability{
	name: "Groups",
	has: func(d driver.Driver) bool {
		return implements[driver.Reporter](d) && (implements[driver.LeaseReader](d) || implements[driver.Inspector](d))
	},
	ask: func(ctx context.Context, d driver.Driver) error {
		_, err := driver.Beat(ctx, d, beatOf("g", "a", "text", "k"))
		return err
	},
	err: driver.ErrUnsupported,
}

var groupCases = []Case{
	{
		Name:  "groups/members",
		Rule:  "A beat returns the members that live, in the order of their names, with what each has said last, until it leaves. Another driver sees them. A group has members of its own.",
		needs: grouping,
		run: func(c *client) {
			c.sees(c.beats("g", "b", "first"), "b: first")
			c.sees(c.another().beats("g", "a", "second"), "a: second", "b: first")
			c.sees(c.beats("g", "b", "third"), "a: second", "b: third")
			c.sees(c.beats("h", "c", "other"), "c: other")
			c.reports("g", "a", "", 0)
			c.sees(c.beats("g", "b", "fourth"), "b: fourth")
		},
	},
	{
		Name:  "groups/orders",
		Rule:  "A beat returns the reports at the key of the orders, which nobody of the members has made.",
		needs: grouping,
		run: func(c *client) {
			c.reports("orders", "x", "drain", far)
			view := c.beats("g", "a", "text")
			if got := reportTexts(view.Orders); len(got) != 1 || got[0] != "x: drain" {
				c.Fatalf("the orders are %q, want %q", got, "x: drain")
			}
			c.sees(view, "a: text")
		},
	},
	{
		Name:  "groups/leases",
		Rule:  "A beat tells who holds the lease of each key: nobody after a release, a rewind, or the end of the TTL.",
		needs: grouping,
		waits: true,
		run:   groupLeases,
	},
	{
		Name:  "groups/reads-leases",
		Rule:  "What reads leases alone shows what Inspect shows of them: a lease that is held or damaged, and none that is void.",
		needs: grouping,
		run:   groupReadsLeases,
	},
	{
		Name:  "groups/expired",
		Rule:  "A member ends after its TTL, never before, unless it beats again.",
		needs: grouping,
		waits: true,
		run: func(c *client) {
			ttl := c.soon()
			began := time.Now()
			c.reports("g", "dead", "text", ttl) // a beat of so short a life may not see itself
			c.eventually("the member ends", func() bool {
				n := len(c.beats("g", "lives", "text").Members)
				if took := time.Since(began); n == 1 && took < ttl {
					c.Fatalf("a member with a TTL of %v is gone after %v", ttl, took)
				}
				return n == 1
			})
		},
	},
	{
		Name:  "groups/outage",
		Rule:  "If the engine fails, what reads leases fails, and so does a beat: it never returns a view without members or leases instead.",
		needs: grouping,
		run: func(c *client) {
			c.beats("g", "a", "text")
			if !c.lacks(leasing) {
				c.acquires("k", "a", far)
			}
			restore := c.outage()
			defer restore()
			c.failsInOutage("k", attempt{"Leases", attemptLeases}, attempt{"Beat", func(ctx context.Context, d driver.Driver, key string) error {
				_, err := driver.Beat(ctx, d, beatOf("g", "a", "text", key))
				return err
			}})
		},
	},
}

func groupLeases(c *client) {
	if c.lacks(leasing) {
		return
	}
	c.put(ifNewer("written", 1, 0))
	c.acquires("held", "a", far)
	c.acquires("renewed", "a", far)
	released := c.acquires("released", "b", far)
	if err := c.tryRelease(c.ctx, released); err != nil {
		c.Fatalf("Release: %v", err)
	}
	rewound := c.acquires("rewound", "b", far)
	c.put(fenced(rewound.Epoch+1, rewind("rewound", 1, 0)))
	ttl, began := c.soon(), time.Now()
	c.acquires("ends", "b", ttl)
	keys := []string{"held", "absent", "released", "written", "rewound", "renewed", "ends"}
	const want = "held by a, renewed by a"
	c.eventually("the lease ends", func() bool {
		got := c.holders(c.beats("g", "m", "text", keys...), keys)
		if took := time.Since(began); got == want && took < ttl {
			c.Fatalf("a lease of %v has ended after %v", ttl, took)
		}
		if got != want && got != want+", ends by b" {
			c.Fatalf("the leases are %q, want %q", got, want)
		}
		return got == want
	})
}

func groupReadsLeases(c *client) {
	if c.lacks(leasing) || c.lacks(inspecting) {
		return
	}
	keys := []string{"absent", "held", "released", "rewound", "written", "damaged"}
	c.acquires("held", "a", far)
	if err := c.tryRelease(c.ctx, c.acquires("released", "b", far)); err != nil {
		c.Fatalf("Release: %v", err)
	}
	c.put(fenced(c.acquires("rewound", "b", far).Epoch+1, rewind("rewound", 1, 0)))
	c.put(fenced(7, ifNewer("written", 1, 0)))
	if c.harness.DamageLease != nil {
		c.acquires("damaged", "d", far)
		c.damage("damaged", driver.ErrCorruptLease)
	}
	cells, err := driver.Inspect(c.ctx, c.driver, keys)
	if err != nil {
		c.Fatalf("Inspect: %v", err)
	}
	leases, err := driver.LeasesOf(c.ctx, c.driver, keys)
	if err != nil {
		c.Fatalf("Leases: %v", err)
	}
	for i, l := range leases {
		want := cells[i].Lease
		if want.Err == nil && want.Epoch < cells[i].Fence.Epoch {
			want = driver.StoredLease{}
		}
		if l.Lease != want.Lease || (l.Err == nil) != (want.Err == nil) || l.Err != nil && !errors.Is(l.Err, driver.ErrCorruptLease) {
			c.Fatalf("the lease of %q is %+v, and Inspect shows %+v", keys[i], l, want)
		}
	}
}

// holders says who holds the leases of keys.
func (c *client) holders(view driver.GroupView, keys []string) string {
	c.Helper()
	var held []string
	for i, l := range view.Leases {
		if l.Err != nil {
			c.Fatalf("the lease of %q is damaged: %v", keys[i], l.Err)
		}
		if l.Owner != "" {
			held = append(held, fmt.Sprintf("%s by %s", keys[i], l.Owner))
		}
	}
	return strings.Join(held, ", ")
}

func beatOf(group, member, text string, keys ...string) driver.GroupBeat {
	return driver.GroupBeat{
		Member: driver.Report{Key: group, Instance: member, Text: text, TTL: far}, Orders: "orders", Keys: keys,
	}
}

// beats gives a sign of life.
func (c *client) beats(group, member, text string, keys ...string) driver.GroupView {
	c.Helper()
	view, err := driver.Beat(c.ctx, c.driver, beatOf(group, member, text, keys...))
	if err != nil {
		c.Fatalf("Beat of %q in %q: %v", member, group, err)
	}
	if len(view.Leases) != len(keys) {
		c.Fatalf("Beat answered %d keys with %d leases", len(keys), len(view.Leases))
	}
	if time.Since(view.At).Abs() > time.Hour {
		c.Fatalf("Beat was at %v, want the engine's time", view.At)
	}
	return view
}

// sees checks the members of a view.
func (c *client) sees(view driver.GroupView, want ...string) {
	c.Helper()
	if got := reportTexts(view.Members); strings.Join(got, "\n") != strings.Join(want, "\n") {
		c.Fatalf("the members are %q, want %q", got, want)
	}
}
