package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// A call is one method of a Store, for a key that holds {1, 1}.
type call struct {
	name string
	run  func(ctx context.Context, s *checkpoint.Store) error
}

var reads = []call{
	{"Get", func(ctx context.Context, s *checkpoint.Store) error {
		_, err := s.Get(ctx, "orders")
		return err
	}},
	{"GetMany", func(ctx context.Context, s *checkpoint.Store) error {
		_, err := s.GetMany(ctx, "orders", "a", "b", "c", "d")
		return err
	}},
	{"Exists", func(ctx context.Context, s *checkpoint.Store) error {
		_, err := s.Exists(ctx, "orders")
		return err
	}},
	{"Scan", func(ctx context.Context, s *checkpoint.Store) error {
		for _, err := range s.Scan(ctx, "*") {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"GetAll", func(ctx context.Context, s *checkpoint.Store) error {
		_, err := checkpoint.Collect(s.GetAll(ctx, "*"))
		return err
	}},
}

var writes = []call{
	{"Set", func(ctx context.Context, s *checkpoint.Store) error { return s.Set(ctx, "orders", at(1, 1)) }},
	{"SetIfNewer", func(ctx context.Context, s *checkpoint.Store) error {
		ok, err := s.SetIfNewer(ctx, "orders", at(1, 1))
		if ok && err != nil {
			return errors.New("SetIfNewer is true beside an error")
		}
		return err
	}},
	{"Rewind", func(ctx context.Context, s *checkpoint.Store) error {
		_, err := s.Rewind(ctx, "orders", at(1, 1))
		return err
	}},
	{"Apply", func(ctx context.Context, s *checkpoint.Store) error {
		_, err := s.Apply(ctx, checkpoint.Write{Key: "orders", Mark: checkpoint.Mark{Position: at(1, 1)}}, checkpoint.Write{Key: "b"},
			checkpoint.Write{Key: "c"}, checkpoint.Write{Key: "d"})
		return err
	}},
	{"Acquire", func(ctx context.Context, s *checkpoint.Store) error {
		_, err := s.Acquire(ctx, "leased", "a", time.Hour)
		return err
	}},
}

var deletes = []call{
	{"Delete", func(ctx context.Context, s *checkpoint.Store) error { return s.Delete(ctx, "a") }},
}

var clears = []call{
	{"Clear", func(ctx context.Context, s *checkpoint.Store) error { _, err := s.Clear(ctx, "none*"); return err }},
}

func every(groups ...[]call) (all []call) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// fails checks that calls fail, in words that hold want, and that none looks
// like an answer.
func fails(t *testing.T, s *checkpoint.Store, calls []call, want string) {
	t.Helper()
	for _, c := range calls {
		err := c.run(t.Context(), s)
		switch {
		case err == nil:
			t.Errorf("%s does not fail", c.name)
		case errors.Is(err, checkpoint.ErrNotFound) || errors.Is(err, checkpoint.ErrCorrupt) || errors.Is(err, checkpoint.ErrFenced) ||
			errors.Is(err, checkpoint.ErrLeaseHeld):
			t.Errorf("%s fails as if the store had answered: %v", c.name, err)
		case !strings.Contains(err.Error(), want):
			t.Errorf("%s fails with %q, which does not say %q", c.name, err, want)
		}
	}
}

func works(t *testing.T, s *checkpoint.Store, calls []call) {
	t.Helper()
	for _, c := range calls {
		if err := c.run(t.Context(), s); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// failsToApply checks that Apply says of each write that it did not land.
func failsToApply(t *testing.T, s *checkpoint.Store) {
	t.Helper()
	got, err := s.Apply(t.Context(), checkpoint.Write{Key: "orders", Mark: checkpoint.Mark{Position: at(2, 2)}}, checkpoint.Write{Key: "other", IfNewer: true})
	if len(got) != 2 || got[0] != checkpoint.Failed || got[1] != checkpoint.Failed || err == nil {
		t.Errorf("Apply is %v, %v, want Failed twice and an error", got, err)
	}
}

// impatient tries once, so that a server that is down fails at once.
func impatient(tb testing.TB, server *redistest.Server) *redis.Client {
	tb.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, DialerRetries: 1})
	tb.Cleanup(func() { client.Close() })
	return client
}

func TestServerDown(t *testing.T) {
	server := redistest.Start(t, durable...)
	store := inNamespace(t, impatient(t, server), "prod:")
	all := every(writes, reads, deletes, clears)
	works(t, store, all)
	server.Kill()
	// The first call finds connections that broke, the others find no server.
	if err := reads[0].run(t.Context(), store); err == nil || errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("Get is %v, want a failure", err)
	}
	fails(t, store, all, "connection refused")
	failsToApply(t, store)
	server.Restart()
	if c := must(store.Get(t.Context(), "orders")); c.Position != at(1, 1) {
		t.Errorf("after the restart Get is %v", c)
	}
	works(t, store, all)
}

func TestReadOnlyReplica(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	works(t, store, writes)
	server.Do("REPLICAOF", "127.0.0.1", "1")
	fails(t, store, every(writes, deletes), "READONLY")
	failsToApply(t, store)
	// What a replica has it may say, but not what there is not.
	works(t, store, reads[:1])
	fails(t, store, every(reads[3:], clears), "a replica")
	if _, err := store.Get(t.Context(), "nothing"); !errors.Is(err, redisstore.ErrReplica) {
		t.Errorf("Get of what a replica does not have is %v, want ErrReplica", err)
	}
	if err := store.Touch(t.Context(), "nothing", time.Hour); err == nil || errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("Touch of what a replica does not have is %v", err)
	}
	server.Do("REPLICAOF", "NO", "ONE")
	works(t, store, every(reads, writes, deletes))
}

func TestReplicaWithoutItsMaster(t *testing.T) {
	server := redistest.Start(t, "replica-serve-stale-data no")
	store := inNamespace(t, standalone(t, server), "prod:")
	works(t, store, writes)
	server.Do("REPLICAOF", "127.0.0.1", "1")
	fails(t, store, every(reads[:3], writes, deletes), "MASTERDOWN")
	fails(t, store, every(reads[3:], clears), "a replica")
	failsToApply(t, store)
	server.Do("REPLICAOF", "NO", "ONE")
	works(t, store, every(reads, writes, deletes))
}

func TestOutOfMemory(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	works(t, store, writes)
	server.Do("SET", "prod:checkpoint:older", "1@1")
	server.Do("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1")
	fails(t, store, writes, "OOM")
	failsToApply(t, store)
	// The older layout is removed and written anew: both or neither.
	want := at(1, 1)
	if ok, err := store.SetIfNewer(t.Context(), "older", at(2, 2)); ok && err == nil {
		want = at(2, 2)
	}
	if c := must(store.Get(t.Context(), "older")); c.Position != want {
		t.Errorf("the older layout holds %v, want %v", c.Position, want)
	}
	works(t, store, every(reads, deletes))
	server.Do("CONFIG", "SET", "maxmemory", "0")
	works(t, store, every(reads, writes))
}

func TestMaxClients(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, impatient(t, server), "prod:")
	holder := standalone(t, server).Conn()
	defer holder.Close()
	must(holder.ConfigSet(t.Context(), "maxclients", "1").Result())
	// Redis says why and hangs up; which of both arrives first is open.
	fails(t, store, every(reads, writes, deletes, clears), "")
	must(holder.ConfigSet(t.Context(), "maxclients", "100").Result())
	works(t, store, every(writes, reads, deletes, clears))
}

// patience is how long a test waits for what is sure to happen.
const patience = 30 * time.Second
