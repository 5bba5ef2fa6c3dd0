package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// audited are the changes that leave an entry.
var audited = []call{
	{"Set", func(ctx context.Context, s *checkpoint.Store) error { return s.Set(ctx, "orders", at(2, 2)) }},
	{"Rewind", func(ctx context.Context, s *checkpoint.Store) error { return second(s.Rewind(ctx, "orders", at(0, 0))) }},
	{"SetIfNewer by somebody", func(ctx context.Context, s *checkpoint.Store) error {
		return second(s.SetIfNewer(ctx, "orders", at(2, 2), checkpoint.By("ana", "")))
	}},
	{"Delete", func(ctx context.Context, s *checkpoint.Store) error { return s.Delete(ctx, "orders") }},
	{"Clear", func(ctx context.Context, s *checkpoint.Store) error { return second(s.Clear(ctx, "*")) }},
	{"Revoke", func(ctx context.Context, s *checkpoint.Store) error { return second(s.Revoke(ctx, "orders")) }},
	{"Fence", func(ctx context.Context, s *checkpoint.Store) error { return second(s.Fence(ctx, "orders", 9)) }},
	{"Acquire after another owner", func(ctx context.Context, s *checkpoint.Store) error {
		return second(s.Acquire(ctx, "orders", "b", time.Hour))
	}},
}

// eachAudited tries each of audited on a server that holds one checkpoint, and a lease that
// has ended.
func eachAudited(t *testing.T, server *redistest.Server, try func(t *testing.T, c call)) {
	t.Helper()
	for _, c := range audited {
		t.Run(c.name, func(t *testing.T) {
			server.Do("FLUSHALL")
			server.Do("HSET", layoutKey, "commit", "1", "prepare", "1", "epoch", "1")
			server.Do("HSET", layoutFence, "epoch", "1", "owner", "a", "leaseEpoch", "1", "until", "1")
			try(t, c)
		})
	}
}

// storedEntries are the entries on the server, or none if something else is there.
func storedEntries(server *redistest.Server) []any {
	if server.Do("TYPE", layoutAudit) != "list" {
		return nil
	}
	return server.Do("LRANGE", layoutAudit, "0", "-1").([]any)
}

func TestLayoutOfAnAuditEntry(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	must(store.SetIfNewer(t.Context(), "orders", at(1, 2), checkpoint.Epoch(7)))
	must(store.Rewind(t.Context(), "orders", at(0, 1<<64-1), checkpoint.By("ana", `a "why"`)))
	entries := storedEntries(server)
	if len(entries) != 1 {
		t.Fatalf("the list is %v, want one entry", entries)
	}
	begin, rest, _ := strings.Cut(entries[0].(string), ",")
	if at := strings.TrimPrefix(begin, `{"at":`); !isRecent(at) {
		t.Errorf("the entry begins with %s, want the time", begin)
	}
	const want = `"op":"rewind","actor":"ana","reason":"a \"why\"","old":"1@2","new":"0@18446744073709551615","oldEpoch":"7","newEpoch":"8"}`
	if rest != want {
		t.Errorf("the entry ends with %s, want %s", rest, want)
	}
	if got := server.Do("PTTL", layoutAudit).(int64); got > driver.AuditAge.Milliseconds() || got < driver.AuditAge.Milliseconds()-60_000 {
		t.Errorf("PTTL of the entries is %d, want AuditAge", got)
	}
	for range driver.AuditEntries {
		if err := store.Set(t.Context(), "orders", at(3, 3)); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(storedEntries(server)); got != driver.AuditEntries {
		t.Errorf("the list has %d entries, want AuditEntries", got)
	}
}

// TestAuditEntriesThatAreNone: nothing else belongs at their key. History does not take it
// for an empty list, and it holds up no change.
func TestAuditEntriesThatAreNone(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	for name, c := range map[string]struct {
		plant []string
		want  string
		left  int
	}{
		"a string":             {[]string{"SET", layoutAudit, "x"}, "is no list", 1},
		"a hash":               {[]string{"HSET", layoutAudit, "at", "1"}, "is no list", 1},
		"a foreign text":       {[]string{"LPUSH", layoutAudit, "x"}, `entry "x" at Redis key "` + layoutAudit, 2},
		"no time":              {[]string{"LPUSH", layoutAudit, `{"oldEpoch":"1","newEpoch":"1"}`}, `field at is ""`, 2},
		"a damaged old epoch":  {[]string{"LPUSH", layoutAudit, `{"at":1,"oldEpoch":"","newEpoch":"1"}`}, "invalid number", 2},
		"no new epoch":         {[]string{"LPUSH", layoutAudit, `{"at":1,"oldEpoch":"1"}`}, `field newEpoch is ""`, 2},
		"a negative new epoch": {[]string{"LPUSH", layoutAudit, `{"at":1,"oldEpoch":"1","newEpoch":"-1"}`}, `field newEpoch is "-1"`, 2},
		"no old position":      {[]string{"LPUSH", layoutAudit, `{"at":1,"old":"1@x","oldEpoch":"1","newEpoch":"1"}`}, `field old is "1@x"`, 2},
		"no new position":      {[]string{"LPUSH", layoutAudit, `{"at":1,"new":"1@01","oldEpoch":"1","newEpoch":"1"}`}, `field new is "1@01"`, 2},
	} {
		eachAudited(t, server, func(t *testing.T, change call) {
			t.Helper()
			server.Do(c.plant...)
			if entries, err := store.History(t.Context(), "orders", 9); !errors.Is(err, checkpoint.ErrCorruptHistory) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: History is %v, %v, want an ErrCorruptHistory that says %s", name, entries, err, c.want)
			}
			if err := change.run(t.Context(), store); err != nil {
				t.Errorf("%s: the change is refused: %v", name, err)
			}
			if left := len(storedEntries(server)); left != c.left {
				t.Errorf("%s: %d entries are left, want %d", name, left, c.left)
			}
		})
	}
}

// TestUserWhoMayNotNote: whoever may change a key, and may not add an entry, changes
// nothing.
func TestUserWhoMayNotNote(t *testing.T) {
	server := redistest.Start(t)
	for name, rule := range map[string][]string{
		"LPUSH":   {"~*", "&*", "+@all", "-lpush"},
		"LTRIM":   {"~*", "&*", "+@all", "-ltrim"},
		"the key": {"~prod:checkpoint:*", "~prod:checkpoint-fence:*", "&*", "+@all"},
	} {
		server.Do(append([]string{"ACL", "SETUSER", "user", "reset", "on", ">secret"}, rule...)...)
		store := inNamespace(t, as(t, server, "user"), "prod:")
		eachAudited(t, server, func(t *testing.T, change call) {
			t.Helper()
			before := dump(server)
			if err := change.run(t.Context(), store); !isDenied(err) {
				t.Errorf("without %s, %s is %v, want a denial", name, change.name, err)
			}
			if after := dump(server); after != before {
				t.Errorf("without %s, %s has changed\n%s to\n%s", name, change.name, before, after)
			}
		})
		works(t, store, []call{writes[1], reads[0]})
	}
}

// TestUserWhoMayOnlyNote: an entry comes with its change, or not at all.
func TestUserWhoMayOnlyNote(t *testing.T) {
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "user", "reset", "on", ">secret", "~*", "&*", "+@all", "-hset", "-unlink", "-hdel")
	store := inNamespace(t, as(t, server, "user"), "prod:")
	eachAudited(t, server, func(t *testing.T, change call) {
		t.Helper()
		if err := change.run(t.Context(), store); !isDenied(err) {
			t.Errorf("%s is %v, want a denial", change.name, err)
		}
		wantKeys(t, server, layoutKey, layoutFence)
	})
}

// isDenied knows how Redis 7 and later ones deny a command: before a script, and within one.
func isDenied(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "NOPERM") || strings.Contains(err.Error(), "can't run this command") ||
		strings.Contains(err.Error(), "ACL failure in script"))
}

func dump(server *redistest.Server) string {
	return fmt.Sprint(storedHash(server, layoutKey), storedHash(server, layoutFence), server.Do("EXISTS", layoutAudit))
}

// TestAuditOnAFullServer: what works on a full server leaves its entry, and what is refused
// leaves none.
func TestAuditOnAFullServer(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	defer server.Do("CONFIG", "SET", "maxmemory", "0")
	worked := 0
	eachAudited(t, server, func(t *testing.T, change call) {
		t.Helper()
		if err := store.Set(t.Context(), "orders", at(1, 1)); err != nil {
			t.Fatal(err)
		}
		before := dump(server)
		server.Do("CONFIG", "SET", "maxmemory", "1")
		err := change.run(t.Context(), store)
		server.Do("CONFIG", "SET", "maxmemory", "0")
		want := 2
		switch {
		case err == nil:
			worked++
		case !strings.Contains(err.Error(), "OOM"):
			t.Errorf("%s on a full server is %v", change.name, err)
		default:
			want = 1
			if after := dump(server); after != before {
				t.Errorf("%s, which is refused, has changed\n%s to\n%s", change.name, before, after)
			}
		}
		if got := len(must(store.History(t.Context(), "orders", 9))); got != want {
			t.Errorf("after %s, which is %v, there are %d entries, want %d", change.name, err, got, want)
		}
	})
	if worked < 4 {
		t.Errorf("%d changes work on a full server, want delete, clear, revoke and fence at least", worked)
	}
}

// TestHistoryOfAReplica: a replica that lags, or has lost its master, may lack the entries.
func TestHistoryOfAReplica(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	server.Do("REPLICAOF", "127.0.0.1", "1")
	if entries, err := store.History(t.Context(), "orders", 1); !errors.Is(err, redisstore.ErrReplica) {
		t.Errorf("History is %v, %v, want ErrReplica", entries, err)
	}
}

// TestAnotherProgramsKeysGetNoEntries: its layout has no place for them.
func TestAnotherProgramsKeysGetNoEntries(t *testing.T) {
	server := redistest.Start(t)
	d := must(redisstore.New(standalone(t, server), &redisstore.Options{Prefix: "theirs:"}))
	store := checkpoint.New(d, nil)
	defer store.Close()
	err := errors.Join(store.Set(t.Context(), "orders", at(1, 1)),
		second(store.SetIfNewer(t.Context(), "orders", at(2, 2), checkpoint.By("ana", "why"))))
	wantKeys(t, server, "theirs:orders")
	if err := errors.Join(err, store.Delete(t.Context(), "orders")); err != nil {
		t.Error(err)
	}
	wantKeys(t, server)
	if _, err := store.History(t.Context(), "orders", 1); !errors.Is(err, checkpoint.ErrUnsupported) {
		t.Errorf("History is %v, want ErrUnsupported", err)
	}
}

// TestTheUsualWriteLeavesNothing: it costs no command more than it did.
func TestTheUsualWriteLeavesNothing(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespaceWith(t, standalone(t, server), "prod:", noSamples)
	must(store.SetIfNewer(t.Context(), "orders", at(1, 1), checkpoint.Epoch(1)))
	server.Do("CONFIG", "RESETSTAT")
	for i := range uint64(10) {
		must(store.SetIfNewer(t.Context(), "orders", at(2+i, 1), checkpoint.Epoch(1)))
	}
	calls := commandCalls(server)
	delete(calls, "config|resetstat")
	delete(calls, "info")
	const want = "map[evalsha:10 hget:10 hmget:10 hset:10 persist:10]"
	if got := fmt.Sprint(calls); got != want {
		t.Errorf("ten writes ran %s, want %s", got, want)
	}
	wantKeys(t, server, layoutKey, layoutFence)
}
