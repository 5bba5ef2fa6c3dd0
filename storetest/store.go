package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/checkpointstore/checkpoint"
)

var storeCases = []Case{
	{
		Name: "store/get-all",
		Rule: "GetAll of a Store over the driver reads all checkpoints that match. GetMany reads those of its " +
			"keys that are there.",
		run: func(c *client) {
			store := checkpoint.New(c.driver, nil)
			want := make(map[string]checkpoint.Position)
			for i := range uint64(20) {
				key := fmt.Sprintf("order/%d", i)
				want[key] = checkpoint.Position{Commit: i, Prepare: ^i}
				if err := store.Set(c.ctx, key, want[key]); err != nil {
					c.Fatalf("Set: %v", err)
				}
			}
			c.put(set("other", 1, 0))
			all, err := checkpoint.Collect(store.GetAll(c.ctx, "order/*", checkpoint.PageSize(3)))
			c.samePositions("GetAll", want, all, err)
			many, err := store.GetMany(c.ctx, append(slices.Collect(maps.Keys(want)), "none", "order/1")...)
			c.samePositions("GetMany", want, many, err)
		},
	},
	{
		Name: "store/clear",
		Rule: "Clear of a Store over the driver removes and counts the checkpoints that match, damaged ones " +
			"too. It keeps the fences.",
		run: func(c *client) {
			store := checkpoint.New(c.driver, nil)
			c.fill(20)
			c.put(fenced(5, set("key/fenced", 1, 0)), set("other", 1, 0), set("Key/1", 1, 0), set("key*", 1, 0))
			c.damage("key/003", checkpoint.ErrCorruptCheckpoint)
			for _, want := range []int{21, 0} {
				n, err := store.Clear(c.ctx, "key/*", checkpoint.PageSize(4))
				if err != nil || n != want {
					c.Fatalf("Clear: %d, %v, want %d", n, err, want)
				}
			}
			c.lists("*", 10, "other", "Key/1", "key*")
			c.refusesBelow(5, "key/fenced")
		},
	},
	{
		Name: "store/close",
		Rule: "A Store over the driver closes it once, and answers ErrClosed from then on.",
		run: func(c *client) {
			store := checkpoint.New(c.driver, nil)
			c.within("Close", func() {
				for range 2 {
					if err := store.Close(); err != nil {
						c.Errorf("Close: %v", err)
					}
				}
			})
			if _, err := store.Get(c.ctx, "k"); !errors.Is(err, checkpoint.ErrClosed) {
				c.Fatalf("Get after Close: %v, want ErrClosed", err)
			}
		},
	},
}

func (c *client) samePositions(
	what string, want map[string]checkpoint.Position, got map[string]checkpoint.Checkpoint, err error,
) {
	c.Helper()
	if err != nil {
		c.Fatalf("%s: %v", what, err)
	}
	if len(got) != len(want) {
		c.Fatalf("%s found %d checkpoints, want %d", what, len(got), len(want))
	}
	for key, p := range want {
		if got[key].Position != p {
			c.Fatalf("%s found %v at %q, want %v", what, got[key].Position, key, p)
		}
	}
}
