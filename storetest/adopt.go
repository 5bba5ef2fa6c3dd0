package storetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var adopting = &ability{
	name: "Adopt",
	has:  implements[driver.Adopter],
	ask: func(ctx context.Context, d driver.Driver) error {
		return driver.Adopt(ctx, d, "k", nil, nil)
	},
	err: driver.ErrUnsupported,
}

// A past is what another store has kept of a key.
type past struct {
	entries []driver.AuditEntry
	samples []driver.Sample
}

// pastOf returns so many entries and samples, the latest first. The latest is n, and each
// is of an hour of its own.
func pastOf(entries, samples int) (p past) {
	last := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	for i := entries; i > 0; i-- {
		p.entries = append(p.entries, driver.AuditEntry{
			At: last.Add(time.Duration(i-entries) * time.Second), Op: "import", By: driver.By{Actor: fmt.Sprint("actor ", i), Reason: "because"},
			Old: &driver.Position{Commit: 1<<64 - 1, Prepare: uint64(i)}, New: &driver.Position{Commit: uint64(i)}, //nolint:gosec // an index
			OldEpoch: uint64(i), NewEpoch: 1<<64 - 1, //nolint:gosec // an index
		})
	}
	for i := samples; i > 0; i-- {
		p.samples = append(p.samples, driver.Sample{
			At: last.Add(time.Duration(i-samples)*time.Hour + time.Millisecond), Hourly: true,
			Position: driver.Position{Commit: uint64(i), Prepare: 1<<64 - 1 - uint64(i)}, //nolint:gosec // an index
		})
	}
	return p
}

// kept is a short past.
var kept = past{
	entries: []driver.AuditEntry{{At: morning, Op: "set", By: driver.By{Actor: "bob"}, New: &driver.Position{Commit: 7}, NewEpoch: 3}},
	samples: []driver.Sample{{At: morning, Position: driver.Position{Commit: 6}}},
}

var adoptCases = []Case{
	{
		Name:  "adopt/history",
		Rule:  "Adopt stores what another store has kept for a key that has nothing of its own. Another driver over the same data finds it.",
		needs: adopting,
		run: func(c *client) {
			p := pastOf(3, 3)
			p.entries[1].Old, p.entries[2].New = nil, nil
			c.adopts("k", p)
			c.another().remembers("k", p)
			c.tells("l")
			c.missing("k")
		},
	},
	{
		Name:  "adopt/many",
		Rule:  "Adopt stores as many entries and samples as History and Samples return.",
		needs: adopting,
		run: func(c *client) {
			p := pastOf(driver.AuditEntries, 29*24)
			c.adopts("k", p)
			c.remembers("k", p)
		},
	},
	{
		Name:  "adopt/once",
		Rule:  "Adopt leaves the entries of a key that has some, and the samples of a key that has some.",
		needs: adopting,
		run: func(c *client) {
			p := pastOf(2, 2)
			c.adopts("k", p)
			c.adopts("k", pastOf(5, 5))
			c.remembers("k", p)
			c.put(set("own", 1, 0))
			c.adopts("own", p)
			c.tells("own", "set by  (): none -> 1/0, epoch 0 -> 0")
			t := recently()
			c.put(sampled(t, ifNewer("sampled", 1, 0)), sampled(t.Add(bucket), ifNewer("sampled", 2, 0)))
			c.adopts("sampled", p)
			c.samples("sampled", t, "0s 1/0")
			c.remembers("sampled", past{p.entries, c.sampleList("sampled")})
		},
	},
	{
		Name:  "adopt/then",
		Rule:  "Entries and samples that come after an Adopt stand before what it stored, and take its place if there are too many.",
		needs: adopting,
		run: func(c *client) {
			p := pastOf(driver.AuditEntries, 2)
			c.adopts("k", p)
			now := time.Now().UTC()
			c.put(sampled(now.Add(-bucket), set("k", 8, 0)), sampled(now, set("k", 9, 0)))
			entries := c.history("k", driver.AuditEntries)
			if len(entries) != driver.AuditEntries {
				c.Fatalf("the key has %d entries, want %d", len(entries), driver.AuditEntries)
			}
			if tell(entries[0]) != "set by  (): 8/0 -> 9/0, epoch 0 -> 0" || tell(entries[2]) != tell(p.entries[0]) {
				c.Fatalf("the first entries are %s, %s, %s", tell(entries[0]), tell(entries[1]), tell(entries[2]))
			}
			if list := c.sampleList("k"); len(list) != 3 || list[0].Position.Commit != 8 || list[1].Position != p.samples[0].Position {
				c.Fatalf("the samples are %v", list)
			}
		},
	},
	{
		Name:  "adopt/gone",
		Rule:  "ReleaseFences forgets what Adopt has stored, as it forgets the rest.",
		needs: adopting,
		run: func(c *client) {
			if c.lacks(fencing) {
				return
			}
			c.adopts("k", pastOf(2, 2))
			c.put(fenced(3, ifNewer("k", 1, 0)))
			if _, err := c.driver.Delete(c.ctx, []string{"k"}); err != nil {
				c.Fatalf("Delete: %v", err)
			}
			time.Sleep(5 * time.Millisecond)
			c.releasesFences(1, 0, "k")
			c.tells("k")
			c.samples("k", morning)
		},
	},
}

func (c *client) adopts(key string, p past) {
	c.Helper()
	if err := driver.Adopt(c.ctx, c.driver, key, p.entries, p.samples); err != nil {
		c.Fatalf("Adopt for %q: %v", key, err)
	}
}

// remembers checks all entries and samples of key, and their times.
func (c *client) remembers(key string, want past) {
	c.Helper()
	entries := c.history(key, 2*driver.AuditEntries)
	if got, want := written(entries), written(want.entries); got != want {
		c.Fatalf("History of %q:\n%s\nwant:\n%s", key, got, want)
	}
	list := c.sampleList(key)
	if got, want := fmt.Sprint(list), fmt.Sprint(want.samples); got != want {
		c.Fatalf("Samples of %q:\n%s\nwant:\n%s", key, got, want)
	}
}

func written(entries []driver.AuditEntry) string {
	var lines []string
	for _, e := range entries {
		lines = append(lines, e.At.Format(driver.TimeLayout)+" "+tell(e))
	}
	return strings.Join(lines, "\n")
}
