package storetest

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/checkpointstore/checkpoint/driver"
)

var scanCases = []Case{
	{
		Name: "scan/empty",
		Rule: "A scan of an empty store, or with a pattern that nothing matches, yields no key and no error.",
		run: func(c *client) {
			c.lists("*", 10)
			c.fill(3)
			c.lists("none*", 10)
			c.lists("", 10)
			if records := c.records("none*", 10); len(records) != 0 {
				c.Fatalf("ScanRecords found %v, want nothing", records)
			}
		},
	},
	{
		Name: "scan/exactly-once",
		Rule: "Scan lists each matching key exactly once, whatever the page size.",
		run: func(c *client) {
			keys := c.fill(25)
			for size := 1; size <= len(keys)+1; size++ {
				c.lists("*", size, keys...)
				c.lists("key/01*", size, keys[10:20]...)
			}
			c.lists("*", 100_000, keys...)
		},
	},
	{
		Name: "scan/pages",
		Rule: "Scan yields pages of about the requested size, and not all keys at once.",
		run: func(c *client) {
			keys := c.fill(1000)
			for page, err := range c.driver.Scan(c.ctx, "*", 10) {
				if err != nil {
					c.Fatalf("Scan: %v", err)
				}
				if len(page) > len(keys)/2 {
					c.Fatalf("Scan by 10 yields a page of %d keys", len(page))
				}
			}
			c.lists("*", 10, keys...)
		},
	},
	{
		Name: "scan/checkpoints-alone",
		Rule: "Scan lists checkpoints only. It does not list anything else that the driver stores, such as " +
			"the fence of a key that has no checkpoint.",
		run: func(c *client) {
			c.put(fenced(3, set("a", 1, 0)), fenced(3, set("b", 1, 0)), set("c", 1, 0))
			c.gets(driver.Advanced, rewind("c", 1, 0))
			c.deletes(1, "b")
			c.lists("*", 1, "a", "c")
			c.lists("*", 10, "a", "c")
			c.lists("*b*", 10)
			if records := c.records("*", 1); len(records) != 2 {
				c.Fatalf("ScanRecords found %v, want a and c", records)
			}
		},
	},
	{
		Name: "scan/while-keys-change",
		Rule: "Scan never misses a key that is there from the first page to the last, however many other keys " +
			"come and go.",
		run: func(c *client) {
			for _, size := range []int{1, 4, 17} {
				c.scanWhileKeysChange(size)
			}
		},
	},
	{
		Name: "scan/delete-in-the-loop",
		Rule: "The loop may delete the keys of its page: the scan goes on and still finds every other key.",
		run: func(c *client) {
			for _, size := range []int{1, 3, 10} {
				c.scanAndDelete(size)
			}
		},
	},
	{
		Name: "scan/break",
		Rule: "A loop may break out of a scan, also if the context ends at the same time. The scan then " +
			"stops, and the driver stays usable, however many loops break out.",
		run: scanBreak,
	},
	{
		Name: "scan/nested",
		Rule: "Scans may run within one another. They do not affect each other.",
		run: func(c *client) {
			keys := c.fill(6)
			c.within("a scan in the loop of another", func() {
				var outer []string
				for page, err := range c.driver.Scan(c.ctx, "*", 2) {
					inner, innerErr := collect(c.driver.Scan(c.ctx, "*", 2))
					if err != nil || innerErr != nil || len(inner) != len(keys) {
						c.Errorf("the outer scan: %v; the inner one: %d keys of %d, %v", err, len(inner), len(keys), innerErr)
						return
					}
					outer = append(outer, page...)
				}
				if slices.Sort(outer); !slices.Equal(outer, keys) {
					c.Errorf("the outer scan found %q, want %q", outer, keys)
				}
			})
		},
	},
	{
		Name: "scan/records",
		Rule: "For each key that Scan lists, ScanRecords yields the same record as Get, whatever the page " +
			"size.",
		run: scanRecords,
	},
}

// A scanner is a method that scans. Its pages yields the number of items of each page.
type scanner struct {
	name  string
	pages func(ctx context.Context, d driver.Driver, pageSize int) iter.Seq2[int, error]
}

// scanners returns every method of the driver that scans.
func (c *client) scanners() []scanner {
	all := []scanner{
		{"Scan", func(ctx context.Context, d driver.Driver, pageSize int) iter.Seq2[int, error] {
			return sizes(d.Scan(ctx, "*", pageSize))
		}},
		{"ScanRecords", func(ctx context.Context, d driver.Driver, pageSize int) iter.Seq2[int, error] {
			return sizes(driver.ScanRecords(ctx, d, "*", pageSize))
		}},
	}
	if inspecting.has(c.driver) {
		all = append(all, scanner{"ScanCells", func(ctx context.Context, d driver.Driver, pageSize int) iter.Seq2[int, error] {
			return sizes(driver.ScanCells(ctx, d, "*", pageSize))
		}})
	}
	return all
}

func sizes[T any](pages iter.Seq2[[]T, error]) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for page, err := range pages {
			if !yield(len(page), err) {
				return
			}
		}
	}
}

func collect(seq iter.Seq2[[]string, error]) (keys []string, err error) {
	for page, err := range seq {
		if err != nil {
			return keys, err
		}
		keys = append(keys, page...)
	}
	return keys, nil
}

// scanWhileKeysChange adds and removes keys on both sides of each key that
// stays.
func (c *client) scanWhileKeysChange(size int) {
	c.Helper()
	stay := c.fill(40)
	for i := range stay {
		c.put(set(fmt.Sprintf("key/%03d-goes", i), 1, 0))
	}
	seen := make(map[string]bool)
	c.within("a scan whose loop writes and deletes", func() {
		step := 0
		for page, err := range c.driver.Scan(c.ctx, "*", size) {
			if err != nil {
				c.Errorf("Scan by %d: %v", size, err)
				return
			}
			for _, key := range page {
				if seen[key] {
					c.Errorf("Scan by %d: key %q came twice", size, key)
				}
				seen[key] = true
			}
			if step < len(stay) {
				goes := []string{fmt.Sprintf("key/%03d-goes", step), fmt.Sprintf("key/%03d-goes", len(stay)-1-step)}
				_, err := c.driver.Delete(c.ctx, goes)
				_, err2 := c.driver.Write(c.ctx, []driver.Write{
					set(fmt.Sprintf("key/%03d-comes", step), 1, 0),
					set(fmt.Sprintf("a-comes/%d", step), 1, 0),
					set(fmt.Sprintf("z-comes/%d", step), 1, 0),
					set(stay[len(stay)-1-step], 7, 7),
				})
				if err != nil || err2 != nil {
					c.Errorf("in the loop of a scan: Delete: %v; Write: %v", err, err2)
					return
				}
			}
			step++
		}
	})
	for _, key := range stay {
		if !seen[key] {
			c.Fatalf("Scan by %d missed %q, which was there throughout", size, key)
		}
	}
}

func (c *client) scanAndDelete(size int) {
	c.Helper()
	keys := c.fill(30)
	deleted := 0
	var got []string
	c.within("a scan whose loop deletes", func() {
		for page, err := range c.driver.Scan(c.ctx, "key/*", size) {
			if err != nil {
				c.Errorf("Scan by %d: %v", size, err)
				return
			}
			got = append(got, page...)
			n, err := c.driver.Delete(c.ctx, page)
			if err != nil {
				c.Errorf("Delete in the loop of a scan by %d: %v", size, err)
				return
			}
			deleted += n
		}
	})
	slices.Sort(got)
	c.sameKeys(fmt.Sprintf("Scan by %d, deleting each page,", size), got, keys)
	if deleted != len(keys) {
		c.Fatalf("deleting each page of a scan by %d counted %d of %d", size, deleted, len(keys))
	}
	c.lists("*", size)
}

// scanBreak breaks out often enough to use up any pool of connections.
func scanBreak(c *client) {
	keys := c.fill(12)
	c.within("breaking out of scans", func() {
		for range 100 {
			for _, s := range c.scanners() {
				for _, err := range s.pages(c.ctx, c.driver, 2) {
					if err != nil {
						c.Errorf("%s: %v", s.name, err)
						return
					}
					break
				}
			}
		}
	})
	for _, s := range c.scanners() {
		c.breaksAtTheEnd(s)
	}
	c.put(set("after", 1, 0))
	c.holds(set("after", 1, 0))
	c.lists("*", 2, append(keys, "after")...)
}

// breaksAtTheEnd breaks out of a loop whose context has ended meanwhile. If the scan
// then still yields the error, Go panics.
func (c *client) breaksAtTheEnd(s scanner) {
	c.Helper()
	defer func() {
		if p := recover(); p != nil {
			c.Errorf("%s goes on after the loop has stopped: %v", s.name, p)
		}
	}()
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	for range s.pages(ctx, c.driver, 2) { //nolint:errcheck // what it yields is not the question
		cancel()
		break
	}
}

func scanRecords(c *client) {
	var keys []string
	for i := range uint64(23) {
		key := fmt.Sprintf("key/%d", i)
		keys = append(keys, key)
		w := set(key, i, ^i)
		if i%2 == 0 {
			w = at(evening, w)
		}
		if i%3 == 0 {
			w = expiring(far, w)
		}
		if i%4 == 0 {
			w = fenced(i+1, w)
		}
		c.put(w)
	}
	for _, size := range []int{1, 5, 23, 1000} {
		records := c.records("key/*", size)
		if len(records) != len(keys) {
			c.Fatalf("ScanRecords by %d found %d records, want %d", size, len(records), len(keys))
		}
		for _, want := range c.read(keys...) {
			if got := records[want.Key]; !same(got, want) {
				c.Fatalf("ScanRecords by %d found\n\t%s\nwhere Get finds\n\t%s", size, show(got), show(want))
			}
		}
		if some := c.records("key/1?", size); len(some) != 10 {
			c.Fatalf("ScanRecords of key/1? by %d found %d records, want 10", size, len(some))
		}
	}
}
