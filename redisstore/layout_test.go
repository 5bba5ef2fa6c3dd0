package redisstore_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

const (
	layoutKey   = "prod:checkpoint:orders"
	layoutFence = "prod:checkpoint-fence:{prod:checkpoint:orders}"
	layoutAudit = "prod:checkpoint-audit:{prod:checkpoint:orders}"
)

// The layout is shared with another program: what is stored is checked on the
// server, and not through the driver that stored it.
func TestLayoutOfEveryWrite(t *testing.T) {
	server := redistest.Start(t)
	client := standalone(t, server)
	store := inNamespace(t, client, "prod:")
	when := checkpoint.UpdatedAt(time.Date(2026, 1, 2, 5, 4, 5, 6_999_999, time.FixedZone("", 2*60*60)))
	plain := map[string]string{"commit": "12", "prepare": "34", "updatedAt": "2026-01-02T03:04:05.006Z"}
	with := func(field, value string) map[string]string {
		h := maps.Clone(plain)
		h[field] = value
		return h
	}
	set := func(opts ...checkpoint.WriteOption) error {
		return store.Set(t.Context(), "orders", at(12, 34), append(opts, when)...)
	}
	setIfNewer := func(opts ...checkpoint.WriteOption) error {
		_, err := store.SetIfNewer(t.Context(), "orders", at(12, 34), append(opts, when)...)
		return err
	}
	rewind := func(opts ...checkpoint.WriteOption) error {
		_, err := store.Rewind(t.Context(), "orders", at(12, 34), append(opts, when)...)
		return err
	}
	before := func(fields ...string) func() {
		return func() { server.Do(append([]string{"HSET", layoutKey}, fields...)...) }
	}
	for _, c := range []struct {
		name  string
		write func(...checkpoint.WriteOption) error
		opts  []checkpoint.WriteOption
		given func()
		hash  map[string]string
		fence map[string]string
		audit bool
		// Whether the position that was there is of an earlier hour.
		samples bool
	}{
		{name: "Set", write: set, hash: plain, audit: true},
		{name: "SetIfNewer", write: setIfNewer, hash: plain},
		{
			name: "Set with an epoch", write: set, opts: []checkpoint.WriteOption{checkpoint.Epoch(7)},
			hash: with("epoch", "7"), fence: map[string]string{"epoch": "7"}, audit: true,
		},
		{
			name: "SetIfNewer with the highest epoch", write: setIfNewer,
			opts: []checkpoint.WriteOption{checkpoint.Epoch(1<<64 - 1)},
			hash: with("epoch", "18446744073709551615"), fence: map[string]string{"epoch": "18446744073709551615"},
		},
		{
			name: "SetIfNewer with a log", write: setIfNewer, opts: []checkpoint.WriteOption{checkpoint.LogID("cluster 7")},
			hash: with("logId", "cluster 7"),
		},
		{
			name: "SetIfNewer by somebody", write: setIfNewer, opts: []checkpoint.WriteOption{checkpoint.By("ana", "")},
			hash: plain, audit: true,
		},
		{name: "Rewind", write: rewind, hash: with("epoch", "1"), fence: map[string]string{"epoch": "1"}, audit: true},
		{
			name: "SetIfNewer over an older position", write: setIfNewer,
			given: before("commit", "12", "prepare", "33", "updatedAt", "2025-01-02T03:04:05.006Z"), hash: plain, samples: true,
		},
		{
			name: "SetIfNewer over an equal position", write: setIfNewer,
			given: before("commit", "12", "prepare", "34", "updatedAt", "2025-01-02T03:04:05.006Z"), hash: plain, samples: true,
		},
		{
			name: "a write without an epoch removes the epoch", write: setIfNewer,
			given: before("commit", "12", "prepare", "33", "epoch", "7"), hash: plain,
		},
		{
			name: "unknown fields stay after Set", write: set, audit: true,
			given: before("commit", "9", "prepare", "9", "owner", "old"), hash: with("owner", "old"),
		},
		{
			name: "unknown fields stay after SetIfNewer", write: setIfNewer,
			given: before("commit", "9", "prepare", "9", "owner", "old"), hash: with("owner", "old"),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			server.Do("FLUSHALL")
			store = inNamespace(t, client, "prod:") // the former one remembers what it has written
			if c.given != nil {
				c.given()
			}
			if err := c.write(c.opts...); err != nil {
				t.Fatal(err)
			}
			wantHash(t, server, layoutKey, c.hash)
			keys := []string{layoutKey}
			if c.fence != nil {
				wantFence(t, server, c.fence)
				keys = append(keys, layoutFence)
			}
			if c.samples {
				keys = append(keys, layoutSamples, layoutHours)
			}
			if c.audit {
				keys = append(keys, layoutAudit)
			}
			wantKeys(t, server, keys...)
		})
	}
}

func TestStaleWriteLeavesEveryByte(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	stored := map[string]string{"commit": "12", "prepare": "34", "updatedAt": "odd but unread", "epoch": "3", "owner": "old"}
	for field, value := range stored {
		server.Do("HSET", layoutKey, field, value)
	}
	server.Do("PEXPIRE", layoutKey, "1000000")
	if ok := must(store.SetIfNewer(t.Context(), "orders", at(12, 33))); ok {
		t.Error("the older prepare was stored")
	}
	wantHash(t, server, layoutKey, stored)
	if ttl := server.Do("PTTL", layoutKey).(int64); ttl <= 0 {
		t.Errorf("PTTL is %d: the refused write cleared the expiry", ttl)
	}
}

func TestExpiryIsRedisOwn(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	const never = -1
	ttl := func() int64 { return server.Do("PTTL", layoutKey).(int64) }
	within := func(what string, want time.Duration) {
		t.Helper()
		if got := ttl(); got <= want.Milliseconds()-60_000 || got > want.Milliseconds() {
			t.Errorf("%s: PTTL is %d, want %d or a little less", what, got, want.Milliseconds())
		}
	}
	if err := store.Set(t.Context(), "orders", at(1, 1), checkpoint.TTL(time.Hour), checkpoint.Epoch(1)); err != nil {
		t.Fatal(err)
	}
	within("Set with a TTL", time.Hour)
	if got := server.Do("PTTL", layoutFence).(int64); got != never {
		t.Errorf("PTTL of the fence is %d: it would forget its epoch", got)
	}
	must(store.SetIfNewer(t.Context(), "orders", at(1, 1), checkpoint.TTL(2*time.Hour)))
	within("SetIfNewer of an equal position", 2*time.Hour)
	if err := store.Touch(t.Context(), "orders", 3*time.Hour); err != nil {
		t.Fatal(err)
	}
	within("Touch", 3*time.Hour)
	must(store.SetIfNewer(t.Context(), "orders", at(1, 1)))
	if got := ttl(); got != never {
		t.Errorf("after SetIfNewer without a TTL PTTL is %d, want none", got)
	}
	must(store.Rewind(t.Context(), "orders", at(1, 0), checkpoint.TTL(time.Hour)))
	within("Rewind with a TTL", time.Hour)
	if err := store.Set(t.Context(), "orders", at(1, 1)); err != nil {
		t.Fatal(err)
	}
	if got := ttl(); got != never {
		t.Errorf("after Set without a TTL PTTL is %d, want none", got)
	}
}

// TestADamagedCheckpointExpires: its consumer will find none.
func TestADamagedCheckpointExpires(t *testing.T) {
	server := redistest.Start(t)
	s := inNamespace(t, standalone(t, server), "prod:")
	for _, damage := range [][]string{
		{"HSET", layoutKey, "commit", "x", "prepare", "1"},
		{"SET", layoutKey, "x"},
		{"RPUSH", layoutKey, "x"},
	} {
		server.Do("FLUSHALL")
		server.Do(damage...)
		server.Do("PEXPIRE", layoutKey, "3600000")
		c := must(s.Inspect(t.Context(), "orders")).Checkpoint
		if left := time.Until(c.ExpiresAt); !errors.Is(c.Err, checkpoint.ErrCorruptCheckpoint) || left > time.Hour || left < time.Hour-time.Minute {
			t.Errorf("after %q it expires at %v, %v; want in an hour", damage, c.ExpiresAt, c.Err)
		}
	}
}

func TestCompanionsAreNotListed(t *testing.T) {
	server := redistest.Start(t)
	for _, namespace := range []string{"prod:", "", "checkpoint-fence:", "checkpoint-audit:"} {
		server.Do("FLUSHALL")
		store := inNamespace(t, standalone(t, server), namespace)
		for _, key := range []string{"orders", "{a}b", "{", "fence:{x}"} {
			must(store.Rewind(t.Context(), key, at(1, 1)))
		}
		all := must(checkpoint.Collect(store.GetAll(t.Context(), "*")))
		if len(all) != 4 {
			t.Errorf("in namespace %q GetAll yields %v, want the four keys", namespace, all)
		}
		if n := must(store.Clear(t.Context(), "*")); n != 4 {
			t.Errorf("in namespace %q Clear removed %d, want 4", namespace, n)
		}
		if n := server.Do("DBSIZE").(int64); n != 8 {
			t.Errorf("in namespace %q %d keys are left after Clear, want four fences, and four with audit entries", namespace, n)
		}
		cells := 0
		for _, err := range store.InspectAll(t.Context(), "*") {
			if cells++; err != nil {
				t.Fatal(err)
			}
		}
		if cells != 4 {
			t.Errorf("in namespace %q InspectAll yields %d cells, want those of the four fences", namespace, cells)
		}
	}
}
