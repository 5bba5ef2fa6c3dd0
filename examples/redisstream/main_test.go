package main

import (
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestKilledAgainAndAgain is what the example is for.
func TestKilledAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	first := w.start("-first-run")
	w.write(t.Context(), 4, 100)
	w.waitForHeads()
	w.kill(first)

	const kills = 40
	for n := range kills {
		p := w.start()
		var writer sync.WaitGroup
		writer.Go(func() { w.write(t.Context(), 4, 120) })
		if random.IntN(5) > 0 { // otherwise it may die before it begins
			w.waitUntilReading()
		}
		time.Sleep(time.Duration(random.Int64N(int64(50 * time.Millisecond)))) // when is left to chance
		w.kill(p)
		writer.Wait()
		// Otherwise it is the program that recovers the file.
		if random.IntN(2) == 0 {
			t.Logf("kill %d came after event %d of %d", n+1, w.wantExactlyOnce(), len(w.written))
		}
	}
	last := w.start()
	w.waitUntilReading() // one before it may have done all
	w.waitForHeads()
	w.terminate(last)
	if n := w.wantExactlyOnce(); n != len(w.written) {
		t.Errorf("%d of %d events took effect", n, len(w.written))
	}
}

func TestTwoInstancesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.write(t.Context(), 4, 200)
	first := w.start("-first-run")
	w.waitForHeads()
	second := w.start("-member", "b")
	w.write(t.Context(), 4, 1000)
	w.waitForHeads()
	w.terminate(first)
	w.terminate(second)
	if n := w.wantExactlyOnce(); n != len(w.written) {
		t.Errorf("%d of %d events took effect", n, len(w.written))
	}
}

// TestNothingIsReplayed has what may look like a first run, and is none.
func TestNothingIsReplayed(t *testing.T) {
	for name, c := range map[string]struct {
		harm  func(*world) error
		flags []string
	}{
		"no first run": {func(w *world) error { return w.removeFile() }, nil},
		"damaged file": {func(w *world) error { return os.WriteFile(w.path, []byte("not a database"), 0o600) }, nil},
		"no checkpoint": {func(w *world) error {
			store := w.store()
			defer store.Close()
			return store.Delete(w.Context(), key("orders"))
		}, nil},
		"second first run": {func(*world) error { return nil }, []string{"-first-run"}},
		"empty Redis":      {func(w *world) error { return w.client.FlushAll(w.Context()).Err() }, nil},
		"other stream": {func(w *world) error {
			w.client.FlushAll(w.Context())
			return w.client.XAdd(w.Context(), &redis.XAddArgs{Stream: "orders", ID: "1-1", Values: []any{"customer", "c", "cents", 1}}).Err()
		}, nil},
		"events trimmed": {func(w *world) error {
			w.write(w.Context(), 1, 10)
			return w.client.XTrimMaxLen(w.Context(), "orders", 5).Err()
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.start("-first-run")
			w.write(t.Context(), 4, 40)
			w.waitForHeads()
			w.terminate(p)
			before := w.wantExactlyOnce()
			if err := c.harm(w); err != nil {
				t.Fatal(err)
			}
			w.refuses(c.flags...)
			switch name {
			case "damaged file":
			case "no first run", "no checkpoint":
				if stored := w.stored(); len(stored) > 0 {
					t.Errorf("the checkpoints are %v, want none", stored)
				}
			default:
				if after := w.wantExactlyOnce(); after != before {
					t.Errorf("%d events took effect, then %d", before, after)
				}
			}
		})
	}
}

func (w *world) removeFile() error {
	for _, name := range []string{w.path, w.path + "-wal", w.path + "-shm"} {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

func TestEventThatIsNoOrderStopsIt(t *testing.T) {
	w := newWorld(t)
	w.write(t.Context(), 1, 10)
	good := w.head()
	if err := w.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "orders", Values: []any{"cents", "many"}}).Err(); err != nil {
		t.Fatal(err)
	}
	w.write(t.Context(), 1, 10)
	w.refuses("-first-run")
	if got := w.stored()["orders"]; got != good {
		t.Errorf("the checkpoint is %s, want that of the last order before it, %s", got, good)
	}
	w.wantExactlyOnce()
}
