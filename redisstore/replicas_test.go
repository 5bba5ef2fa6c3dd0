package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// waiting is a Store that waits for so many replicas.
func waiting(tb testing.TB, client redis.UniversalClient, replicas int, timeout time.Duration) *checkpoint.Store {
	tb.Helper()
	return waitingWith(tb, client, replicas, timeout, nil)
}

func waitingWith(tb testing.TB, client redis.UniversalClient, replicas int, timeout time.Duration, opts *checkpoint.Options) *checkpoint.Store {
	tb.Helper()
	s := checkpoint.New(must(redisstore.New(client, &redisstore.Options{
		Namespace: "prod:", MinReplicas: replicas, ReplicaTimeout: timeout,
	})), opts)
	tb.Cleanup(func() { s.Close() })
	return s
}

// long is more than a replica that is there needs, and below the read timeout.
// Where one is not, brief is enough for the others.
const (
	long  = 4 * time.Second
	brief = 250 * time.Millisecond
)

// unconfirmed checks that err says that too few replicas have a change.
func unconfirmed(tb testing.TB, what string, err error, has, of int) {
	tb.Helper()
	want := fmt.Sprintf("the master has the change, but only %d of %d replicas have it", has, of)
	if err == nil || !strings.Contains(err.Error(), want) {
		tb.Errorf("%s is %v, want %q", what, err, want)
	}
}

func TestReplicasHaveWhatWasAcknowledged(t *testing.T) {
	master := redistest.Start(t)
	replicas := []*redistest.Server{redistest.StartReplica(t, master), redistest.StartReplica(t, master)}
	store := waitingWith(t, standalone(t, master), 2, long, noSamples)
	for i := range uint64(200) {
		want := fmt.Sprint(i)
		must(store.SetIfNewer(t.Context(), "orders", at(i, 0)))
		for _, r := range replicas {
			if got := storedHash(r, "prod:checkpoint:orders")["commit"]; got != want {
				t.Fatalf("a replica has commit %q, want %q", got, want)
			}
		}
	}
	lease := must(store.Acquire(t.Context(), "orders", "a", time.Hour))
	for _, r := range replicas {
		if got := storedHash(r, layoutFence)["owner"]; got != "a" {
			t.Errorf("a replica knows %q as the owner of the lease", got)
		}
	}
	if err := store.Release(t.Context(), lease); err != nil {
		t.Error(err)
	}
	if err := store.Delete(t.Context(), "orders"); err != nil {
		t.Error(err)
	}
	for _, r := range replicas {
		wantKeys(t, r, layoutFence, layoutAudit)
	}

	before := commandCalls(master)
	plain := inNamespace(t, standalone(t, master), "prod:")
	must(plain.SetIfNewer(t.Context(), "orders", at(1, 0)))
	if after := commandCalls(master); after["wait"] != before["wait"] {
		t.Error("a driver without MinReplicas calls WAIT")
	}
}

func TestEverythingWithReplicas(t *testing.T) {
	master := redistest.Start(t)
	redistest.StartReplica(t, master)
	master.Do("SET", "prod:checkpoint:older", "1@1")
	master.Do("RPUSH", "prod:checkpoint:list", "a")
	if err := useEverything(t, waiting(t, standalone(t, master), 1, long)); err != nil {
		t.Error(err)
	}
}

func TestTooFewReplicas(t *testing.T) {
	master := redistest.Start(t)
	redistest.StartReplica(t, master)
	paused := redistest.StartReplica(t, master)
	enough := waiting(t, standalone(t, master), 2, long)
	ctx := t.Context()
	must(enough.Acquire(ctx, "held", "a", time.Hour))
	held := must(enough.Acquire(ctx, "held", "a", time.Hour))
	must(enough.SetIfNewer(ctx, "newer", at(9, 9)))
	// The replica that is not paused must have each change in time, on a busy machine, too.
	store := waiting(t, standalone(t, master), 2, 4*brief)
	paused.Pause()

	ok, err := store.SetIfNewer(ctx, "orders", at(1, 2))
	unconfirmed(t, "SetIfNewer", err, 1, 2)
	if ok {
		t.Error("SetIfNewer reports that it stored")
	}
	if c := must(store.Get(ctx, "orders")); c.Position != at(1, 2) {
		t.Errorf("the master has %v", c.Position)
	}
	unconfirmed(t, "Set", store.Set(ctx, "orders", at(1, 3)), 1, 2)
	unconfirmed(t, "Touch", store.Touch(ctx, "orders", time.Hour), 1, 2)
	_, err = store.Rewind(ctx, "orders", at(0, 1))
	unconfirmed(t, "Rewind", err, 1, 2)
	outcomes, err := store.Apply(ctx,
		checkpoint.Write{Key: "a", Mark: checkpoint.Mark{Position: at(1, 1)}},
		checkpoint.Write{Key: "newer", IfNewer: true, Mark: checkpoint.Mark{Position: at(1, 1)}},
		checkpoint.Write{Key: "newer", IfNewer: true, Mark: checkpoint.Mark{Position: at(1, 1), Epoch: 7}},
		checkpoint.Write{Key: "held", Mark: checkpoint.Mark{Position: at(1, 1), Epoch: held.Epoch - 1}})
	unconfirmed(t, "Apply", err, 1, 2)
	want := []checkpoint.Outcome{checkpoint.Unknown, checkpoint.Stale, checkpoint.Unknown, checkpoint.Fenced}
	if !slices.Equal(outcomes, want) {
		t.Errorf("Apply is %v, want %v", outcomes, want)
	}

	_, err = store.Acquire(ctx, "orders", "a", time.Hour)
	unconfirmed(t, "Acquire", err, 1, 2)
	_, err = store.Renew(ctx, held, time.Hour)
	unconfirmed(t, "Renew", err, 1, 2)
	unconfirmed(t, "Delete", store.Delete(ctx, "orders"), 1, 2)
	unconfirmed(t, "Delete again", store.Delete(ctx, "orders"), 1, 2)
	if _, err := store.Get(ctx, "orders"); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("after Delete the master has it: %v", err)
	}
	// What changes nothing has nothing to wait for.
	if _, err := store.Acquire(ctx, "held", "b", time.Hour); !errors.Is(err, checkpoint.ErrLeaseHeld) {
		t.Errorf("Acquire of a lease that is held: %v", err)
	}
	held.Epoch++
	if _, err := store.Renew(ctx, held, time.Hour); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("Renew of another lease: %v", err)
	}
	held.Epoch--
	unconfirmed(t, "Release", store.Release(ctx, held), 1, 2)

	paused.Resume()
	works(t, enough, every(writes, deletes))
}

func TestBatchWithTooFewReplicas(t *testing.T) {
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	store := waiting(t, standalone(t, master), 1, brief)
	batch := make([]checkpoint.Write, 1500)
	for i := range batch {
		batch[i] = checkpoint.Write{Key: fmt.Sprint("k", i%1400), Mark: checkpoint.Mark{Position: at(uint64(i), 0)}}
	}
	replica.Pause()
	outcomes, err := store.Apply(t.Context(), batch...)
	unconfirmed(t, "Apply", err, 0, 1)
	for i, o := range outcomes {
		if o != checkpoint.Unknown {
			t.Fatalf("write %d is %v", i, o)
		}
	}
	all := must(checkpoint.Collect(store.GetAll(t.Context(), "*")))
	for i := range batch[100:] {
		if key := batch[100+i].Key; all[key].Position != batch[100+i].Position {
			t.Fatalf("the master has %v at %s", all[key].Position, key)
		}
	}
	replica.Resume()
}

func TestScriptFlushedBeforeAWriteWithReplicas(t *testing.T) {
	master := redistest.Start(t)
	redistest.StartReplica(t, master)
	store := waitingWith(t, standalone(t, master), 1, long, noSamples)
	for _, c := range writes {
		master.Do("SCRIPT", "FLUSH")
		works(t, store, []call{c})
	}
	master.Do("SCRIPT", "FLUSH")
	lease := must(store.Acquire(t.Context(), "orders", "a", time.Hour))
	master.Do("SCRIPT", "FLUSH")
	must(store.Renew(t.Context(), lease, time.Hour))
	master.Do("SCRIPT", "FLUSH")
	before := commandCalls(master)
	must(store.Apply(t.Context(), checkpoint.Write{Key: "a"}, checkpoint.Write{Key: "b"}))
	must(store.Apply(t.Context(), checkpoint.Write{Key: "a"}, checkpoint.Write{Key: "b"}))
	const nudges = 3 // one for each pipeline, of which the first finds no script
	if n := commandCalls(master)["eval"] - before["eval"]; n != 2+nudges {
		t.Errorf("EVAL was called %d times for two writes of one batch, want 2 and %d for WAIT", n, nudges)
	}
}

func TestContextEndsWhileReplicasAreAwaited(t *testing.T) {
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	store := waiting(t, standalone(t, master), 1, long)
	works(t, store, every(writes, deletes))
	replica.Pause()
	enough := errors.New("enough")
	for _, c := range every(writes, deletes) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(20*time.Millisecond, func() { cancel(enough) })
		if err := c.run(ctx, store); !errors.Is(err, enough) {
			t.Errorf("%s is %v, want the context's cause", c.name, err)
		}
	}
	replica.Resume()
}

func TestOptionsOfReplicas(t *testing.T) {
	server := redistest.Start(t)
	for _, c := range []struct {
		opts redisstore.Options
		url  string
		want string
	}{
		{redisstore.Options{MinReplicas: -1}, "", "negative"},
		{redisstore.Options{MinReplicas: 1, ReplicaTimeout: time.Microsecond}, "", "millisecond"},
		{redisstore.Options{MinReplicas: 1, ReplicaTimeout: -1}, "", "millisecond"},
		{redisstore.Options{MinReplicas: 1, ReplicaTimeout: time.Minute}, "", "below the client's ReadTimeout"},
		{redisstore.Options{MinReplicas: 1}, "?read_timeout=500ms", "below the client's ReadTimeout"},
		{redisstore.Options{MinReplicas: 1}, "?min_replicas=2", "the Options say 1"},
		{redisstore.Options{ReplicaTimeout: 1}, "?replica_timeout=1s", "the Options say 1ns"},
		{redisstore.Options{}, "?min_replicas=x", "no number"},
		{redisstore.Options{}, "?min_replicas=", "no number"},
		{redisstore.Options{}, "?replica_timeout=x", "no duration"},
		{redisstore.Options{}, "?replica_timeout=", "no duration"},
		{redisstore.Options{}, "?cluster=true&min_replicas=-1", "negative"},
	} {
		_, err := redisstore.Open(t.Context(), server.URL()+c.url, &c.opts)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v, %q: %v, want %q", c.opts, c.url, err, c.want)
		}
	}
	d, err := redisstore.Open(t.Context(), server.URL()+"?min_replicas=1&replica_timeout=1ms", nil)
	if err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
	unconfirmed(t, "Set", store.Set(t.Context(), "k", at(1, 1)), 0, 1)
}
