package redisstore_test

import (
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

// newer are n writes of a batch to round, which are usual ones.
func newer(n int, round, epoch uint64) []checkpoint.Write {
	batch := make([]checkpoint.Write, n)
	for i := range batch {
		batch[i] = checkpoint.Write{Key: fmt.Sprint("k", i), IfNewer: true, Mark: checkpoint.Mark{Position: at(round, round), Epoch: epoch}}
	}
	return batch
}

func applied(t *testing.T, s *checkpoint.Store, writes []checkpoint.Write, want checkpoint.Outcome) {
	t.Helper()
	outcomes, err := s.Apply(t.Context(), writes...)
	if err != nil || slices.ContainsFunc(outcomes, func(o checkpoint.Outcome) bool { return o != want }) {
		t.Errorf("Apply is %v, %v, want %v", outcomes, err, want)
	}
}

// TestUsualWritesGoAsOneCall counts the calls of scripts of a batch: of new keys, of newer
// positions, of equal ones, and of epochs, also if the server does not know the script.
func TestUsualWritesGoAsOneCall(t *testing.T) {
	server := redistest.Start(t)
	client := standalone(t, server)
	const n, calls = 100, 4
	for name, step := range map[string]struct {
		before, measured []checkpoint.Write
		want             checkpoint.Outcome
	}{
		"new":   {nil, newer(n, 1, 0), checkpoint.Advanced},
		"newer": {newer(n, 1, 0), newer(n, 2, 0), checkpoint.Advanced},
		"equal": {newer(n, 1, 0), newer(n, 1, 0), checkpoint.Unchanged},
		"epoch": {newer(n, 1, 7), newer(n, 2, 7), checkpoint.Advanced},
	} {
		t.Run(name, func(t *testing.T) {
			server.Do("FLUSHALL")
			s := inNamespaceWith(t, client, "prod:", noSamples)
			applied(t, s, []checkpoint.Write{{Key: "a"}, {Key: "b"}}, checkpoint.Advanced)
			applied(t, s, append(step.before, checkpoint.Write{Key: "a"}), checkpoint.Advanced)
			server.Do("CONFIG", "RESETSTAT")
			applied(t, s, step.measured, step.want)
			if got := commandCalls(server)["evalsha"]; got != calls {
				t.Errorf("a batch of %d took %d calls of scripts, want %d", n, got, calls)
			}
		})
	}
	server.Do("SCRIPT", "FLUSH")
	applied(t, inNamespace(t, client, "prod:"), newer(n, 9, 7), checkpoint.Advanced)
}

// TestUnusualWritesBesideUsualOnes puts writes that many.lua leaves to the whole script
// between those that it makes.
func TestUnusualWritesBesideUsualOnes(t *testing.T) {
	server := redistest.Start(t)
	s := inNamespace(t, standalone(t, server), "prod:")
	applied(t, s, newer(9, 5, 0), checkpoint.Advanced)
	must(s.SetIfNewer(t.Context(), "k6", at(5, 5), checkpoint.Epoch(3)))
	server.Do("HSET", "prod:checkpoint:k1", "commit", "05")
	server.Do("UNLINK", "prod:checkpoint:k2", "prod:checkpoint:k3", "prod:checkpoint:k4")
	server.Do("SET", "prod:checkpoint:k2", "5@5")
	server.Do("RPUSH", "prod:checkpoint:k3", "5")
	server.Do("HSET", "prod:checkpoint:k4", "commit", "5")
	writes := newer(9, 6, 0)
	writes[5].Position = at(4, 4)
	writes[7].TTL = time.Hour
	outcomes, err := s.Apply(t.Context(), writes...)
	want := []checkpoint.Outcome{
		checkpoint.Advanced, checkpoint.Failed, checkpoint.Advanced, checkpoint.Failed, checkpoint.Failed,
		checkpoint.Stale, checkpoint.Advanced, checkpoint.Advanced, checkpoint.Advanced,
	}
	if !slices.Equal(outcomes, want) || !errors.Is(err, checkpoint.ErrCorrupt) {
		t.Errorf("Apply is %v, %v\nwant %v", outcomes, err, want)
	}
	for _, key := range []string{"k0", "k2", "k6", "k7", "k8"} {
		if c := must(s.Get(t.Context(), key)); c.Position != at(6, 6) || c.Epoch != 0 {
			t.Errorf("%s is at %v with epoch %d, want 6 without", key, c.Position, c.Epoch)
		}
	}
}

// TestFullServerMakesNoUsualWrite: the script raises no error, so no write of its call
// counts as unknown.
func TestFullServerMakesNoUsualWrite(t *testing.T) {
	server := redistest.Start(t)
	s := inNamespace(t, standalone(t, server), "prod:")
	applied(t, s, newer(64, 1, 0), checkpoint.Advanced)
	server.Do("CONFIG", "SET", "maxmemory", "1")
	outcomes, err := s.Apply(t.Context(), newer(64, 2, 0)...)
	if err == nil || slices.ContainsFunc(outcomes, func(o checkpoint.Outcome) bool { return o != checkpoint.Failed }) {
		t.Errorf("Apply on a full server is %v, %v, want all Failed", outcomes, err)
	}
	server.Do("CONFIG", "SET", "maxmemory", "0")
	if c := must(s.Get(t.Context(), "k0")); c.Position != at(1, 1) {
		t.Errorf("k0 is at %v, want the former position", c.Position)
	}
}

// TestUsualWritesOfASlot: with a hash tag all keys of a cluster are in one slot, which then
// moves, and its keys with it, one after another.
func TestUsualWritesOfASlot(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 0)
	s := inNamespaceWith(t, cluster(t, nodes), "{prod}:", noSamples)
	applied(t, s, newer(64, 1, 0), checkpoint.Advanced)
	before := commandCalls(nodes...)["evalsha"]
	applied(t, s, newer(64, 2, 0), checkpoint.Advanced)
	if calls := commandCalls(nodes...)["evalsha"] - before; calls != 2 {
		t.Errorf("64 writes took %d calls of scripts, want 2", calls)
	}
	slot, from, to := place(t, nodes, "{prod}:checkpoint:k0")
	startMoving(slot, from, to)
	host, port, _ := strings.Cut(to.Addr(), ":")
	for i := range 64 {
		if i%2 == 0 {
			from.Do("MIGRATE", host, port, fmt.Sprint("{prod}:checkpoint:k", i), "0", "5000")
		}
	}
	applied(t, s, newer(64, 3, 0), checkpoint.Advanced)
}

// TestRefusedTransactions: the user may not call one of the commands, so scripts read.
func TestRefusedTransactions(t *testing.T) {
	for _, refused := range []string{"multi", "exec"} {
		server := redistest.Start(t, "user "+strings.ReplaceAll(documentedACL(t), "test*:", "prod:")+" -"+refused)
		client := redis.NewClient(&redis.Options{Addr: server.Addr(), Username: "checkpoint", Password: "secret"})
		t.Cleanup(func() { client.Close() })
		s := inNamespace(t, client, "prod:")
		applied(t, s, newer(64, 1, 0), checkpoint.Advanced)
		for range 3 {
			for i := range 64 {
				if c := must(s.Get(t.Context(), fmt.Sprint("k", i))); c.Position != at(1, 1) {
					t.Fatalf("without %s, k%d is at %v", refused, i, c.Position)
				}
			}
			if _, err := s.Get(t.Context(), "missing"); !errors.Is(err, checkpoint.ErrNotFound) {
				t.Errorf("without %s, a missing key is %v", refused, err)
			}
		}
		calls := commandCalls(server)
		if n := calls["multi"] + calls["exec"]; n > 2 {
			t.Errorf("without %s, %d transactions were tried, want one", refused, n)
		}
	}
}

func TestNoShortcuts(t *testing.T) {
	server := redistest.Start(t)
	s := checkpoint.New(must(redisstore.New(standalone(t, server), &redisstore.Options{NoShortcuts: true})), nil)
	applied(t, s, newer(64, 1, 0), checkpoint.Advanced)
	must(s.GetMany(t.Context(), "k1", "k2"))
	calls := commandCalls(server)
	if calls["multi"] != 0 || calls["evalsha"]+calls["eval"] < 65 {
		t.Errorf("the server ran %v, want no transaction, and a script for each write", calls)
	}
}
