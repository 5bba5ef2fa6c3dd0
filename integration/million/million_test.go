package million

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/integration/heap"
	"github.com/checkpointstore/checkpoint/internal/filltest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

const (
	count  = 1_000_000
	others = 3000 // checkpoints in the other namespace
)

// slack is how far the heap may grow during a walk, beyond the keys that the
// walk has seen: it must know those to yield each one only once.
const slack = 32 << 20

// TestMillionKeys walks and clears a store that is too large to hold, beside
// another one on the same server.
func TestMillionKeys(t *testing.T) {
	server := redistest.Start(t, "appendonly no")
	store := open(t, server, "test:")
	other := open(t, server, "test-other:")

	stage := func(name string, run func()) {
		start := time.Now()
		run()
		t.Logf("%-6s %6.2fs", name, time.Since(start).Seconds())
	}
	stage("Apply", func() {
		write := func(i int) checkpoint.Write {
			return checkpoint.Write{Key: key(i), Mark: checkpoint.Mark{Position: position(i)}, IfNewer: true}
		}
		err := errors.Join(filltest.Fill(t.Context(), store, count, write), filltest.Fill(t.Context(), other, others, write))
		if err != nil {
			t.Fatal(err)
		}
	})

	allowed := heap.OfKeys(count, "test:checkpoint:", key) + slack
	stage("Scan", func() {
		bounded(t, allowed, func() { expectAll(t, keysOf(t, store), count) })
	})
	stage("GetAll", func() {
		bounded(t, allowed, func() { expectAll(t, checkpointsOf(t, store), count) })
	})
	stage("Clear", func() {
		bounded(t, allowed, func() {
			if n, err := store.Clear(t.Context(), "*"); err != nil || n != count {
				t.Errorf("Clear removed %d, %v, want %d", n, err, count)
			}
		})
	})
	expectAll(t, keysOf(t, store), 0)
	expectAll(t, checkpointsOf(t, other), others)
	if n := server.Do("DBSIZE"); n != int64(others+count) {
		t.Errorf("the server holds %d keys, want the %d of the other namespace, and the audit entries of %d deletions", n, others, count)
	}
	neverUsed(t, server, "keys", "del", "flushall", "flushdb")
}

func open(t *testing.T, server *redistest.Server, namespace string) *checkpoint.Store {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { client.Close() })
	d, err := redisstore.New(client, &redisstore.Options{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	return checkpoint.New(d, nil)
}

const keyPrefix = "orders-projection/"

func key(i int) string { return keyPrefix + strconv.Itoa(i) }

func position(i int) checkpoint.Position {
	return checkpoint.Position{Commit: 1<<63 + uint64(i), Prepare: uint64(i)}
}

// keysOf and checkpointsOf call yield with the number of each key.
func keysOf(t *testing.T, store *checkpoint.Store) func(yield func(int)) {
	t.Helper()
	return func(yield func(int)) {
		for key, err := range store.Scan(t.Context(), "*") {
			if err != nil {
				t.Fatal(err)
			}
			yield(number(t, key))
		}
	}
}

func checkpointsOf(t *testing.T, store *checkpoint.Store) func(yield func(int)) {
	t.Helper()
	return func(yield func(int)) {
		for c, err := range store.GetAll(t.Context(), "*") {
			if err != nil {
				t.Fatal(err)
			}
			i := number(t, c.Key)
			if c.Position != position(i) {
				t.Fatalf("%s is at %v, want %v", c.Key, c.Position, position(i))
			}
			yield(i)
		}
	}
}

func number(t *testing.T, key string) int {
	t.Helper()
	digits, ok := strings.CutPrefix(key, keyPrefix)
	i, err := strconv.Atoi(digits)
	if !ok || err != nil || i < 0 || strconv.Itoa(i) != digits {
		t.Fatalf("the key %q was never written", key)
	}
	return i
}

// expectAll expects each number below n exactly once. It keeps a byte for
// each, so that what it needs itself does not show in the heap.
func expectAll(t *testing.T, walk func(yield func(int)), n int) {
	t.Helper()
	seen := make([]byte, n)
	found := 0
	walk(func(i int) {
		if i >= n || seen[i] > 0 {
			t.Fatalf("%s came twice, or was never written", key(i))
		}
		seen[i] = 1
		found++
	})
	if found != n {
		t.Errorf("%d keys came, want %d", found, n)
	}
}

// neverUsed asks the server which commands it has seen.
func neverUsed(t *testing.T, server *redistest.Server, commands ...string) {
	t.Helper()
	stats := server.Do("INFO", "commandstats").(string)
	for _, c := range commands {
		if strings.Contains(stats, "cmdstat_"+c+":") {
			t.Errorf("the server was sent %s", strings.ToUpper(c))
		}
	}
	for _, c := range []string{"scan", "unlink", "evalsha"} {
		if !strings.Contains(stats, "cmdstat_"+c+":") {
			t.Errorf("INFO commandstats does not show %s, which was sent", strings.ToUpper(c))
		}
	}
}
