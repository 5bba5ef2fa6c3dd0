package storetest

import (
	"fmt"
	"slices"

	"github.com/checkpointstore/checkpoint/driver"
)

var sliceCases = []Case{
	{
		Name: "slices/given",
		Rule: "A driver does not change the slices that it is given, and does not keep them after it returns.",
		run:  slicesGiven,
	},
	{
		Name: "slices/returned",
		Rule: "The caller owns the slices that it gets back. If the caller changes them, the store stays as " +
			"it is.",
		run: slicesReturned,
	},
	{
		Name: "slices/pages",
		Rule: "The loop owns the page that it gets. If the loop changes the page, the scan and the store stay " +
			"as they are.",
		run: slicesPages,
	},
}

func slicesGiven(c *client) {
	writes := []driver.Write{set("c", 3, 0), fenced(2, set("a", 1, 0)), expiring(far, ifNewer("b", 2, 0))}
	original := slices.Clone(writes)
	c.put(writes...)
	if !slices.Equal(writes, original) {
		c.Fatalf("Write changed the slice of writes to %v", writes)
	}
	for i := range writes {
		writes[i] = at(evening, set(fmt.Sprintf("overwritten/%d", i), 99, 99))
	}
	for _, w := range original {
		c.holds(w)
	}

	keys := []string{"c", "none", "a", "b"}
	records := c.read(keys...)
	if !slices.Equal(keys, []string{"c", "none", "a", "b"}) {
		c.Fatalf("Get changed the slice of keys to %q", keys)
	}
	for i := range keys {
		keys[i] = "overwritten"
	}
	for i, want := range []string{"c", "none", "a", "b"} {
		if records[i].Key != want {
			c.Fatalf("record %d is of %q once the caller has changed its keys, want %q", i, records[i].Key, want)
		}
	}

	gone := []string{"c", "none", "a"}
	c.deletes(2, gone...)
	if !slices.Equal(gone, []string{"c", "none", "a"}) {
		c.Fatalf("Delete changed the slice of keys to %q", gone)
	}
	gone[1] = "b"
	c.lists("*", 10, "b")
}

func slicesReturned(c *client) {
	a, b := set("a", 1, 0), set("b", 2, 0)
	first := c.results(a, b)
	second := c.results(ifNewer("a", 0, 0), ifNewer("b", 2, 0))
	if first[0].Outcome != driver.Advanced || first[1].Outcome != driver.Advanced {
		c.Fatal("a second Write changed the results of the first")
	}
	clear(first)
	if second[0].Outcome != driver.Stale || second[1].Outcome != driver.Unchanged {
		c.Fatal("clearing the results of one Write changed those of another")
	}
	one := c.read("a", "b")
	two := c.read("b", "a")
	c.matches(one[0], a)
	c.matches(one[1], b)
	clear(one)
	c.matches(two[0], b)
	c.matches(two[1], a)
	two[0].Position = driver.Position{Commit: 99}
	c.holds(a)
	c.holds(b)
}

func slicesPages(c *client) {
	want := c.fill(20)
	var pages [][]string
	for page, err := range c.driver.Scan(c.ctx, "*", 3) {
		if err != nil {
			c.Fatalf("Scan: %v", err)
		}
		pages = append(pages, page)
	}
	got := slices.Concat(pages...)
	slices.Sort(got)
	c.sameKeys("Scan by a loop that keeps its pages", got, want)

	got = nil
	for page, err := range c.driver.Scan(c.ctx, "*", 3) {
		if err != nil {
			c.Fatalf("Scan: %v", err)
		}
		got = append(got, page...)
		for i := range page {
			page[i] = "overwritten"
		}
		_ = append(page, "appended")
	}
	slices.Sort(got)
	c.sameKeys("Scan by a loop that overwrites its pages", got, want)
	c.lists("*", 3, want...)

	got = nil
	for page, err := range driver.ScanRecords(c.ctx, c.driver, "*", 3) {
		if err != nil {
			c.Fatalf("ScanRecords: %v", err)
		}
		for _, r := range page {
			got = append(got, r.Key)
		}
		clear(page)
	}
	slices.Sort(got)
	c.sameKeys("ScanRecords by a loop that clears its pages", got, want)
}
