package redisstore_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

func TestScriptFlushedBeforeAWrite(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	for _, c := range writes {
		server.Do("SCRIPT", "FLUSH")
		works(t, store, []call{c})
	}
}

func TestScriptFlushedAllTheTime(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	flusher := standalone(t, server)
	ctx := t.Context()
	stop := make(chan struct{})
	var flushing, writing sync.WaitGroup
	flushing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := flusher.ScriptFlush(ctx).Err(); err != nil {
				t.Errorf("SCRIPT FLUSH: %v", err)
				return
			}
		}
	})
	const keys, rounds = 1500, 8
	for w := range 4 {
		writing.Go(func() {
			for round := range uint64(rounds) {
				batch := make([]checkpoint.Write, keys)
				for i := range batch {
					batch[i] = checkpoint.Write{Key: fmt.Sprintf("batch/%d/%d", w, i), Mark: checkpoint.Mark{Position: at(round, 0)}, IfNewer: true}
				}
				outcomes, err := store.Apply(ctx, batch...)
				if err != nil {
					t.Errorf("Apply: %v", err)
				}
				for i, o := range outcomes {
					if o != checkpoint.Advanced {
						t.Errorf("round %d, write %d is %v", round, i, o)
						break
					}
				}
			}
		})
		writing.Go(func() {
			key := fmt.Sprintf("single/%d", w)
			for i := range uint64(500) {
				if ok, err := store.SetIfNewer(ctx, key, at(i, 0)); !ok || err != nil {
					t.Errorf("SetIfNewer of %s to %d is %v, %v", key, i, ok, err)
				}
			}
		})
	}
	// A write that is sent again must not overtake the one after it.
	writing.Go(func() {
		for range rounds {
			batch := make([]checkpoint.Write, 400)
			for i := range batch {
				batch[i] = checkpoint.Write{Key: "ordered", Mark: checkpoint.Mark{Position: at(uint64(i), 0)}}
			}
			if _, err := store.Apply(ctx, batch...); err != nil {
				t.Errorf("Apply: %v", err)
			}
			c, err := store.Get(ctx, "ordered")
			if err != nil || c.Position != batch[len(batch)-1].Position {
				t.Errorf("the writes to one key left %v, %v, want the last", c.Position, err)
			}
		}
	})
	writing.Wait()
	close(stop)
	flushing.Wait()
	for i := range keys {
		if c := must(store.Get(ctx, fmt.Sprintf("batch/0/%d", i))); c.Position != at(rounds-1, 0) {
			t.Fatalf("write %d of the last round left %v", i, c.Position)
		}
	}
}
