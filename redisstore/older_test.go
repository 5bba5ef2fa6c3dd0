package redisstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

func TestOlderStringIsReadAsACheckpoint(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	server.Do("SET", layoutKey, "12@18446744073709551615")
	want := checkpoint.Checkpoint{Key: "orders", Mark: checkpoint.Mark{Position: at(12, 1<<64-1)}}
	if got := must(store.Get(t.Context(), "orders")); got != want {
		t.Errorf("Get is %+v, want %+v", got, want)
	}
	if got := must(store.GetMany(t.Context(), "orders", "none")); len(got) != 1 || got["orders"] != want {
		t.Errorf("GetMany is %+v, want %+v alone", got, want)
	}

	expires := time.Now().Add(time.Hour)
	server.Do("PEXPIRE", layoutKey, "3600000")
	got := must(store.Get(t.Context(), "orders"))
	if off := got.ExpiresAt.Sub(expires); off.Abs() > time.Minute {
		t.Errorf("ExpiresAt is %v, want %v", got.ExpiresAt, expires)
	}
}

func TestOlderStringBecomesAHashAtTheFirstWrite(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	when := checkpoint.UpdatedAt(time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC))
	hash := map[string]string{"commit": "12", "prepare": "35", "updatedAt": "2026-01-02T03:04:05.006Z"}
	for _, c := range []struct {
		name   string
		stored string
		write  func() error
	}{
		{"SetIfNewer of a newer position", "12@34", func() error { return advance(t, store, at(12, 35), when) }},
		{"SetIfNewer of the equal position", "12@35", func() error { return advance(t, store, at(12, 35), when) }},
		{"Set of an older position", "99@99", func() error { return store.Set(t.Context(), "orders", at(12, 35), when) }},
		{"Rewind", "99@99", func() error {
			_, err := store.Rewind(t.Context(), "orders", at(12, 35), when)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server.Do("FLUSHALL")
			server.Do("SET", layoutKey, c.stored, "PX", "1000000")
			if err := c.write(); err != nil {
				t.Fatal(err)
			}
			got := storedHash(server, layoutKey)
			delete(got, "epoch") // of Rewind
			if len(got) != 3 || got["commit"] != hash["commit"] || got["prepare"] != hash["prepare"] ||
				got["updatedAt"] != hash["updatedAt"] {
				t.Errorf("the hash is %q, want %q", got, hash)
			}
			if ttl := server.Do("PTTL", layoutKey).(int64); ttl != -1 {
				t.Errorf("PTTL is %d: the string's expiry was kept", ttl)
			}
		})
	}
}

func advance(t *testing.T, store *checkpoint.Store, p checkpoint.Position, opts ...checkpoint.WriteOption) error {
	t.Helper()
	ok, err := store.SetIfNewer(t.Context(), "orders", p, opts...)
	if err == nil && !ok {
		return errors.New("the position is stale")
	}
	return err
}

func TestOlderStringStaysUnlessAPositionIsStored(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	server.Do("SET", layoutKey, "12@34", "PX", "1000000")
	wantString := func(after string) {
		t.Helper()
		if got := server.Do("GET", layoutKey); got != "12@34" {
			t.Errorf("after %s the string is %q", after, got)
		}
	}
	for _, older := range []checkpoint.Position{at(12, 33), at(11, 99)} {
		if must(store.SetIfNewer(t.Context(), "orders", older, checkpoint.TTL(time.Second))) {
			t.Errorf("SetIfNewer of %v was not stale", older)
		}
		wantString("a stale write")
	}
	if ttl := server.Do("PTTL", layoutKey).(int64); ttl < 900_000 {
		t.Errorf("PTTL is %d: a stale write moved it", ttl)
	}
	if err := store.Touch(t.Context(), "orders", time.Hour); err != nil {
		t.Fatal(err)
	}
	wantString("Touch")
	if ttl := server.Do("PTTL", layoutKey).(int64); ttl < 3_500_000 {
		t.Errorf("PTTL is %d after Touch, want an hour", ttl)
	}
	if err := store.Touch(t.Context(), "orders", 0); err != nil {
		t.Fatal(err)
	}
	wantString("Touch")
	if ttl := server.Do("PTTL", layoutKey).(int64); ttl != -1 {
		t.Errorf("PTTL is %d after Touch with 0, want none", ttl)
	}
}

func TestDamagedStringsAndOtherTypes(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	damaged := map[string][]string{
		"a list":   {"RPUSH", layoutKey, "12@34"},
		"a set":    {"SADD", layoutKey, "12@34"},
		"a zset":   {"ZADD", layoutKey, "12", "34"},
		"a stream": {"XADD", layoutKey, "1-1", "commit", "12"},
	}
	for _, s := range []string{
		"12", "x@1", "1@x", "01@2", "1@02", "1@2@3", "@", "1@", "@2", "", " 1@2", "1@2 ", "+1@2", "1@-2",
		"18446744073709551616@1", "1@18446744073709551616", "12\n@1", "C:12/P:34",
	} {
		damaged["the string "+s] = []string{"SET", layoutKey, s}
	}
	for name, command := range damaged {
		t.Run(name, func(t *testing.T) {
			testDamage(t, server, store, func() { server.Do(command...) })
		})
	}
}
