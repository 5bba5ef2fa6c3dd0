package storetest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/checkpointstore/checkpoint/driver"
)

var positionCases = []Case{
	{
		Name: "position/round-trip",
		Rule: "Every position comes back as it was stored: all 64 bits of commit and of prepare, zero too.",
		run:  positionRoundTrip,
	},
	{
		Name: "position/order",
		Rule: "IfNewer orders by commit, then by prepare, over all 64 bits: an older position is Stale and changes " +
			"nothing, an equal one is Unchanged, a newer one is Advanced.",
		run: positionOrder,
	},
	{
		Name: "position/random-pairs",
		Rule: "For any two positions IfNewer agrees with the comparison of unsigned 64-bit numbers, on both sides of each " +
			"boundary.",
		run: positionRandomPairs,
	},
	{
		Name: "position/first",
		Rule: "If no checkpoint is stored, IfNewer stores any position.",
		run: func(c *client) {
			c.gets(driver.Advanced, ifNewer("zero", 0, 0))
			c.holds(set("zero", 0, 0))
			c.gets(driver.Advanced, ifNewer("other", 7, 8))
			c.holds(set("other", 7, 8))
		},
	},
	{
		Name: "position/log-from-zero",
		Rule: "The zero position stands before the event at offset 0. IfNewer stores it if nothing is stored, " +
			"then stores that event's position over it, and never goes back. After a rewind to the zero " +
			"position, IfNewer stores the event's position once more.",
		run: positionLogFromZero,
	},
	{
		Name: "position/set-backwards",
		Rule: "Set stores any position, also over a newer or an equal one. Its outcome is Advanced.",
		run: func(c *client) {
			c.put(set("k", math.MaxUint64, math.MaxUint64))
			for _, w := range []driver.Write{set("k", 5, 9), set("k", 5, 8), set("k", 5, 8), set("k", 0, 0)} {
				c.gets(driver.Advanced, w)
				c.holds(w)
			}
		},
	},
	{
		Name: "position/stale-changes-nothing",
		Rule: "A Stale write leaves position, updatedAt, expiry and epoch as they are.",
		run: func(c *client) {
			c.put(fenced(3, expiring(far, set("k", 10, 10))))
			before := c.one("k")
			c.gets(driver.Stale, at(evening, ifNewer("k", 10, 9)))
			c.unchanged(before)
			c.gets(driver.Stale, at(evening, fenced(4, expiring(3*far, ifNewer("k", 9, 11)))))
			c.unchanged(before)
		},
	},
}

// boundaries are numbers at which comparisons of doubles, signed numbers or
// strings of digits go wrong.
var boundaries = []uint64{
	0, 1, 9, 10, 1<<32 - 1, 1 << 32, 1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<63 - 1, 1 << 63, math.MaxUint64 - 1, math.MaxUint64,
}

// edges are positions at which a comparison goes wrong if it uses doubles,
// signed numbers, strings, or one half of the position alone.
var edges = []driver.Position{
	{Commit: 0, Prepare: 0},
	{Commit: 0, Prepare: math.MaxUint64},
	{Commit: 1, Prepare: 0},
	{Commit: 5, Prepare: 3},
	{Commit: 5, Prepare: 10},
	{Commit: 5, Prepare: 9},
	{Commit: 9, Prepare: 9},
	{Commit: 10, Prepare: 10},
	{Commit: 10, Prepare: 9},
	{Commit: 1<<32 - 1, Prepare: 1 << 32},
	{Commit: 1 << 32, Prepare: 1},
	{Commit: 1 << 53, Prepare: 1 << 53},
	{Commit: 1 << 53, Prepare: 1<<53 + 1},
	{Commit: 1<<53 + 1, Prepare: 0},
	{Commit: 1<<53 + 2, Prepare: 0},
	{Commit: 1<<63 - 1, Prepare: 1<<63 - 1},
	{Commit: 1<<63 - 1, Prepare: 1 << 63},
	{Commit: 1 << 63, Prepare: 0},
	{Commit: 1<<63 + 1, Prepare: 1},
	{Commit: 12345678901234567889, Prepare: 12345678901234567890},
	{Commit: 12345678901234567890, Prepare: 12345678901234567889},
	{Commit: 12345678901234567890, Prepare: 12345678901234567890},
	{Commit: math.MaxUint64 - 1, Prepare: math.MaxUint64},
	{Commit: math.MaxUint64, Prepare: math.MaxUint64 - 1},
	{Commit: math.MaxUint64, Prepare: math.MaxUint64},
}

func positionLogFromZero(c *client) {
	event := driver.Offset(0)
	c.gets(driver.Advanced, ifNewer("k", 0, 0))
	c.gets(driver.Unchanged, ifNewer("k", 0, 0))
	c.holds(set("k", 0, 0))
	c.gets(driver.Advanced, ifNewer("k", event.Commit, event.Prepare))
	c.gets(driver.Stale, ifNewer("k", 0, 0))
	c.holds(set("k", event.Commit, event.Prepare))
	c.rewinds(1, rewind("k", 0, 0))
	c.holds(fenced(1, set("k", 0, 0)))
	c.gets(driver.Advanced, fenced(1, ifNewer("k", event.Commit, event.Prepare)))
	c.holds(fenced(1, set("k", event.Commit, event.Prepare)))
}

func positionRoundTrip(c *client) {
	var writes []driver.Write
	for i, p := range edges {
		writes = append(writes,
			set(fmt.Sprintf("set/%d", i), p.Commit, p.Prepare),
			ifNewer(fmt.Sprintf("newer/%d", i), p.Commit, p.Prepare))
	}
	c.put(writes...)
	for _, w := range writes {
		c.holds(w)
	}
}

func positionOrder(c *client) {
	var pairs [][2]driver.Position
	for _, p := range edges {
		for _, q := range edges {
			pairs = append(pairs, [2]driver.Position{p, q})
		}
	}
	c.ordersAll(pairs)
}

func positionRandomPairs(c *client) {
	seed := rand.Uint64()
	defer func() {
		if c.Failed() {
			c.Logf("The random seed was %d", seed)
		}
	}()
	random := rand.New(rand.NewPCG(seed, 0))
	// The numbers lie close together, at every magnitude: numbers that are far
	// apart find no mistakes.
	number := func() uint64 { return random.Uint64()>>random.UintN(64) + random.Uint64N(3) }
	near := func(n uint64) uint64 { return n + random.Uint64N(5) - 2 }
	var pairs [][2]driver.Position
	// Every run compares each boundary with each other: as commits whose prepares
	// have the opposite order, and as prepares of one commit.
	for _, m := range boundaries {
		for _, n := range boundaries {
			commit, low := number(), random.Uint64()/2
			high := low + 1 + random.Uint64()/2
			if m > n {
				low, high = high, low
			}
			pairs = append(pairs,
				[2]driver.Position{{Commit: m, Prepare: high}, {Commit: n, Prepare: low}},
				[2]driver.Position{{Commit: commit, Prepare: m}, {Commit: commit, Prepare: n}})
		}
	}
	for len(pairs) < 1000 {
		p := driver.Position{Commit: number(), Prepare: number()}
		q := driver.Position{Commit: near(p.Commit), Prepare: near(p.Prepare)}
		if random.IntN(4) == 0 {
			q.Prepare = number()
		}
		pairs = append(pairs, [2]driver.Position{p, q})
	}
	c.ordersAll(pairs)
}

// ordersAll writes the second position of each pair over the first, IfNewer.
func (c *client) ordersAll(pairs [][2]driver.Position) {
	c.Helper()
	var writes []driver.Write
	var keys []string
	for i, pair := range pairs {
		key := fmt.Sprintf("pair/%d", i)
		keys = append(keys, key)
		writes = append(writes,
			set(key, pair[0].Commit, pair[0].Prepare),
			ifNewer(key, pair[1].Commit, pair[1].Prepare))
	}
	results, records := c.results(writes...), c.read(keys...)
	for i, pair := range pairs {
		want, stored := driver.Advanced, pair[1]
		switch pair[1].Compare(pair[0]) {
		case -1:
			want, stored = driver.Stale, pair[0]
		case 0:
			want = driver.Unchanged
		}
		if got := results[2*i+1]; got.Outcome != want {
			c.Fatalf("IfNewer %s over %s: %s, want %s",
				position(pair[1]), position(pair[0]), outcome(got), outcome(driver.Result{Outcome: want}))
		}
		if got := records[i]; got.Err != nil || got.Position != stored {
			c.Fatalf("after IfNewer %s over %s: %s, want position %s",
				position(pair[1]), position(pair[0]), show(got), position(stored))
		}
	}
}
