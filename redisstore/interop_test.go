package redisstore_test

import (
	"errors"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// oldScript compares and writes as the TypeScript store does: in doubles, and
// by the commit alone.
const oldScript = `
local current = tonumber(redis.call('HGET', KEYS[1], 'commit'))
if current and tonumber(ARGV[1]) < current then return 0 end
redis.call('HSET', KEYS[1], 'commit', ARGV[1], 'prepare', ARGV[2], 'updatedAt', ARGV[3])
return 1`

func TestHashesOfTheOldStoreAreRead(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	for _, c := range []struct {
		name   string
		fields []string
		want   checkpoint.Checkpoint
	}{
		{
			"every field",
			[]string{"commit", "12", "prepare", "34", "updatedAt", "2026-01-02T03:04:05.006Z"},
			checkpoint.Checkpoint{Mark: checkpoint.Mark{Position: at(12, 34), UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)}},
		},
		{"without updatedAt", []string{"commit", "12", "prepare", "34"}, checkpoint.Checkpoint{Mark: checkpoint.Mark{Position: at(12, 34)}}},
		{
			"fields of others",
			[]string{"commit", "0", "prepare", "0", "owner", "a"},
			checkpoint.Checkpoint{},
		},
		{
			"the highest position",
			[]string{"commit", "18446744073709551615", "prepare", "18446744073709551615"},
			checkpoint.Checkpoint{Mark: checkpoint.Mark{Position: at(1<<64-1, 1<<64-1)}},
		},
		{
			"the first double that rounds",
			[]string{"commit", "9007199254740993", "prepare", "9007199254740993"},
			checkpoint.Checkpoint{Mark: checkpoint.Mark{Position: at(1<<53+1, 1<<53+1)}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			server.Do("FLUSHALL")
			server.Do(append([]string{"HSET", layoutKey}, c.fields...)...)
			c.want.Key = "orders"
			if got, err := store.Get(t.Context(), "orders"); err != nil || got != c.want {
				t.Errorf("Get is %+v, %v, want %+v", got, err, c.want)
			}
			if ok, err := store.SetIfNewer(t.Context(), "orders", c.want.Position); !ok || err != nil {
				t.Errorf("SetIfNewer of the equal position is %v, %v", ok, err)
			}
		})
	}
}

func TestDamagedHashesAreNeitherReadNorGuessed(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	damaged := map[string][]string{
		"no prepare":   {"commit", "12"},
		"no commit":    {"prepare", "12"},
		"other fields": {"owner", "a"},
	}
	for name, number := range map[string]string{
		"2^64":             "18446744073709551616",
		"21 digits":        "100000000000000000000",
		"a long number":    "99999999999999999999999999999999999999999999",
		"a leading zero":   "012",
		"two zeros":        "00",
		"a minus sign":     "-1",
		"a plus sign":      "+1",
		"a leading space":  " 1",
		"a trailing space": "1 ",
		"a newline":        "1\n",
		"nothing":          "",
		"a float":          "12.0",
		"an exponent":      "1e3",
		"hexadecimal":      "0x1f",
		"an underscore":    "1_000",
		"a word":           "NaN",
		"a zero byte":      "1\x00",
	} {
		damaged[name+" as commit"] = []string{"commit", number, "prepare", "34"}
		damaged[name+" as prepare"] = []string{"commit", "12", "prepare", number}
	}
	for name, fields := range damaged {
		t.Run(name, func(t *testing.T) {
			testDamage(t, server, store, func() { server.Do(append([]string{"HSET", layoutKey}, fields...)...) })
		})
	}
}

// testDamage checks what is promised of every damaged checkpoint.
func testDamage(t *testing.T, server *redistest.Server, store *checkpoint.Store, damage func()) {
	t.Helper()
	ctx := t.Context()
	server.Do("FLUSHALL")
	damage()
	before := server.Do("DUMP", layoutKey)
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, checkpoint.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", what, err)
		}
		if server.Do("DUMP", layoutKey) != before {
			t.Errorf("%s changed what is stored", what)
		}
	}
	_, err := store.Get(ctx, "orders")
	refused("Get", err)
	_, err = store.GetMany(ctx, "orders")
	refused("GetMany", err)
	_, err = store.Exists(ctx, "orders")
	refused("Exists", err)
	_, err = store.SetIfNewer(ctx, "orders", at(1<<64-1, 1<<64-1))
	refused("SetIfNewer", err)
	_, err = store.SetIfNewer(ctx, "orders", at(1, 1), checkpoint.Epoch(9))
	refused("SetIfNewer with an epoch", err)
	refused("Touch", store.Touch(ctx, "orders", time.Hour))
	wantKeys(t, server, layoutKey)

	for name, repair := range map[string]func() error{
		"Set":           func() error { return store.Set(ctx, "orders", at(12, 34)) },
		"Rewind":        func() error { _, err := store.Rewind(ctx, "orders", at(12, 34)); return err },
		"Delete, write": func() error { return errors.Join(store.Delete(ctx, "orders"), store.Set(ctx, "orders", at(12, 34))) },
	} {
		server.Do("FLUSHALL")
		damage()
		if err := repair(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c, err := store.Get(ctx, "orders"); err != nil || c.Position != at(12, 34) {
			t.Errorf("after %s Get is %v, %v", name, c, err)
		}
	}
	server.Do("FLUSHALL")
	damage()
	if n, err := store.Clear(ctx, "*"); n != 1 || err != nil {
		t.Errorf("Clear is %d, %v, want 1: the damaged one counts", n, err)
	}
}

func TestBothStoresWriteTheSameKey(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	old := func(commit, prepare uint64, updatedAt string) {
		t.Helper()
		args := []string{
			"EVAL", oldScript, "1", layoutKey,
			strconv.FormatUint(commit, 10), strconv.FormatUint(prepare, 10), updatedAt,
		}
		if server.Do(args...) != int64(1) {
			t.Fatalf("the old store refuses %d", commit)
		}
	}
	wantPosition := func(want checkpoint.Position) {
		t.Helper()
		if c := must(store.Get(t.Context(), "orders")); c.Position != want {
			t.Errorf("Get is %v, want %v", c.Position, want)
		}
	}
	advance := func(p checkpoint.Position, opts ...checkpoint.WriteOption) {
		t.Helper()
		if !must(store.SetIfNewer(t.Context(), "orders", p, opts...)) {
			t.Errorf("SetIfNewer refuses %v", p)
		}
	}
	advance(at(10, 10))
	old(11, 11, "2026-01-02T03:04:05.006Z")
	wantPosition(at(11, 11))
	advance(at(12, 12), checkpoint.Epoch(3))
	// It leaves the epoch of our write, which it does not know.
	old(13, 13, "2026-01-02T03:04:06.000Z")
	wantPosition(at(13, 13))
	advance(at(14, 14))
	if must(store.SetIfNewer(t.Context(), "orders", at(13, 99))) {
		t.Error("SetIfNewer accepts an older position after the old store wrote")
	}
	// And what it reads of us is what JavaScript wrote itself.
	form := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	for _, when := range []time.Time{
		time.Now(),
		time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.FixedZone("", 60*60)),
	} {
		advance(at(15, 15), checkpoint.UpdatedAt(when))
		hash := storedHash(server, layoutKey)
		if !form.MatchString(hash["updatedAt"]) {
			t.Errorf("updatedAt is %q, which toISOString would not write", hash["updatedAt"])
		}
		got, err := time.Parse(time.RFC3339, hash["updatedAt"])
		if err != nil || !got.Equal(when.Truncate(time.Millisecond)) {
			t.Errorf("updatedAt is %q, want %v: %v", hash["updatedAt"], when, err)
		}
		if hash["commit"] != "15" || hash["prepare"] != "15" {
			t.Errorf("the hash is %q", hash)
		}
	}
}

// The old script takes 12345678901234567889 for a newer position, because both
// are the same double.
func TestOlderPositionAbove53BitsIsStale(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	server.Do("HSET", layoutKey, "commit", "12345678901234567890", "prepare", "12345678901234567890")
	if must(store.SetIfNewer(t.Context(), "orders", at(12345678901234567889, 12345678901234567889))) {
		t.Error("the older position was stored")
	}
	wantHash(t, server, layoutKey, map[string]string{
		"commit": "12345678901234567890", "prepare": "12345678901234567890",
	})
}

// What is compared must be sound; updatedAt is only replaced.
func TestDamageBesideThePosition(t *testing.T) {
	server := redistest.Start(t)
	s := inNamespace(t, standalone(t, server), "prod:")
	for field, refused := range map[string]bool{"epoch": true, "updatedAt": false} {
		server.Do("HSET", "prod:checkpoint:"+field, "commit", "1", "prepare", "1", field, "rubbish")
		if _, err := s.Get(t.Context(), field); !errors.Is(err, checkpoint.ErrCorrupt) {
			t.Errorf("Get with a damaged %s: %v; want ErrCorrupt", field, err)
		}
		_, err := s.SetIfNewer(t.Context(), field, at(2, 2))
		if refused != errors.Is(err, checkpoint.ErrCorrupt) || !refused && err != nil {
			t.Errorf("SetIfNewer with a damaged %s: %v; refused must be %v", field, err, refused)
		}
		if err := s.Set(t.Context(), field, at(3, 3)); err != nil {
			t.Errorf("Set with a damaged %s: %v", field, err)
		}
		if c, err := s.Get(t.Context(), field); err != nil || c.Position != at(3, 3) {
			t.Errorf("Get after Set: %v, %v", c, err)
		}
	}
}
