package failover

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/redisstore"
)

const (
	readTimeout    = time.Second
	replicaTimeout = 300 * time.Millisecond
)

// waitsFor is how many of its replicas a Store waits for.
func waitsFor(waits bool, replicas int) int {
	if waits {
		return replicas
	}
	return 0
}

// storeOver is a Store that waits for so many replicas. The client is its own.
func storeOver(tb testing.TB, client redis.UniversalClient, replicas int) *checkpoint.Store {
	tb.Helper()
	d, err := redisstore.New(client, &redisstore.Options{
		Namespace: "prod:", MinReplicas: replicas, ReplicaTimeout: replicaTimeout,
	})
	if err != nil {
		tb.Fatal(err)
	}
	s := checkpoint.New(d, nil)
	tb.Cleanup(func() {
		s.Close()
		client.Close()
	})
	return s
}

// A tally is what became of the writes of one kind of writer.
type tally struct {
	name         string
	waits        bool // for all replicas
	acknowledged int
	refused      int // with an error
	lost         map[kind]int
}

// A round is writers at work during one failover.
type round struct {
	t       *testing.T
	ctx     context.Context
	stop    context.CancelFunc
	writers sync.WaitGroup
	mu      sync.Mutex
	started sync.WaitGroup      // until each writer has some writes acknowledged
	acked   map[*tally][]string // the keys of writes that were acknowledged
	refused map[*tally]int
}

// write stores one checkpoint after another, each at a key of its own, and keeps
// those that were acknowledged.
func (r *round) write(prefix string, store *checkpoint.Store, into *tally) {
	r.started.Add(1)
	r.writers.Go(func() {
		started := sync.OnceFunc(r.started.Done)
		defer started()
		var acked []string
		refused := 0
		pace := time.NewTicker(200 * time.Microsecond)
		defer pace.Stop()
		for i := 0; r.ctx.Err() == nil; i++ {
			<-pace.C
			key := fmt.Sprintf("%s/%d", prefix, i)
			if _, err := store.SetIfNewer(r.t.Context(), key, checkpoint.Position{Commit: 1}); err == nil {
				if acked = append(acked, key); len(acked) == 50 {
					started()
				}
			} else {
				refused++
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.acked[into] = append(r.acked[into], acked...)
		r.refused[into] += refused
	})
}

// The writers of a run. Each has a client of its own.
type writers struct {
	top            topology
	plain, waiting *checkpoint.Store
	tallies        []*tally
}

func newWriters(t *testing.T, top topology) *writers {
	t.Helper()
	return &writers{
		top: top, plain: top.store(false), waiting: top.store(true),
		tallies: []*tally{
			{name: "follows the master", lost: make(map[kind]int)},
			{name: "follows the master, waits for all replicas", waits: true, lost: make(map[kind]int)},
			{name: "clings to the former master", lost: make(map[kind]int)},
			{name: "clings to the former master, waits for all replicas", waits: true, lost: make(map[kind]int)},
		},
	}
}

// during writes while fail fails over from master, and counts what is lost.
func (w *writers) during(t *testing.T, n int, k kind, master server, fail func()) {
	t.Helper()
	r := &round{t: t, acked: make(map[*tally][]string), refused: make(map[*tally]int)}
	r.ctx, r.stop = context.WithCancel(t.Context())
	defer r.stop()
	for i, into := range w.tallies {
		prefix := fmt.Sprintf("write/%d/%d", n, i)
		switch i {
		case 0:
			r.write(prefix, w.plain, into)
		case 1:
			r.write(prefix, w.waiting, into)
		default:
			r.write(w.top.prefix(master)+prefix, w.top.clinging(master, into.waits), into)
		}
	}
	time.AfterFunc(patience, r.stop) // or else it would never end
	r.started.Wait()
	fail()
	r.stop()
	r.writers.Wait()
	for _, into := range w.tallies {
		into.acknowledged += len(r.acked[into])
		into.refused += r.refused[into]
		lost := 0
		for keys := range slices.Chunk(r.acked[into], 1000) {
			there := w.read(t, keys)
			lost += len(keys) - len(there)
		}
		into.lost[k] += lost
		if into.waits && lost > 0 {
			t.Errorf("failover %d, master %s: of %d writes that all replicas had acknowledged %d are lost (a writer that %s)",
				n, k, len(r.acked[into]), lost, into.name)
		}
	}
}

// read reads until the client has found the servers again.
func (w *writers) read(t *testing.T, keys []string) (there map[string]checkpoint.Checkpoint) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if there, err = w.plain.GetMany(t.Context(), keys...); err == nil {
			return there
		}
	}
	t.Fatalf("the store cannot be read after the failover: %v", err)
	return nil
}

func (w *writers) report(t *testing.T) {
	t.Helper()
	for _, c := range w.tallies {
		if c.acknowledged == 0 {
			t.Errorf("no write was acknowledged of the writer that %s", c.name)
		}
		t.Logf("a writer that %s: %d writes acknowledged, %d with an error; lost of the former: %d where the master was killed, %d asked, %d stopped",
			c.name, c.acknowledged, c.refused, c.lost[killed], c.lost[asked], c.lost[stopped])
	}
}
