package redisstore_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

var convertedAt = time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)

// TestConvertLeavesWhatStands: only the layout changes.
func TestConvertLeavesWhatStands(t *testing.T) {
	server := redistest.Start(t)
	d := must(redisstore.New(standalone(t, server), &redisstore.Options{Namespace: "prod:"}))
	const at = "2026-01-02T03:04:05.006Z"
	for _, c := range []struct {
		name   string
		stored []string
		done   bool
		want   map[string]string
	}{
		{
			"a string",
			[]string{"SET", layoutKey, "12@34", "PX", "1000000"},
			true,
			map[string]string{"commit": "12", "prepare": "34", "updatedAt": at},
		},
		{
			"a hash without updatedAt",
			[]string{"HSET", layoutKey, "commit", "12", "prepare", "34", "epoch", "7", "logId", "a"},
			true,
			map[string]string{"commit": "12", "prepare": "34", "updatedAt": at, "epoch": "7", "logId": "a"},
		},
		{
			"today's layout",
			[]string{"HSET", layoutKey, "commit", "1", "prepare", "2", "updatedAt", "2020-01-01T00:00:00.000Z"},
			false,
			map[string]string{"commit": "1", "prepare": "2", "updatedAt": "2020-01-01T00:00:00.000Z"},
		},
		{"nothing", []string{"PING"}, false, map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server.Do("FLUSHALL")
			server.Do(c.stored...)
			ttl := server.Do("PTTL", layoutKey).(int64)
			got := must(d.Convert(t.Context(), []string{"orders"}, convertedAt))
			if len(got) != 1 || got[0].Done != c.done {
				t.Errorf("Convert is %+v, want done %v", got, c.done)
			}
			if errors.Is(got[0].Err, checkpoint.ErrNotFound) != (len(c.want) == 0) {
				t.Errorf("Convert: %v", got[0].Err)
			}
			if hash := storedHash(server, layoutKey); !maps.Equal(hash, c.want) {
				t.Errorf("the hash is %q, want %q", hash, c.want)
			}
			if now := server.Do("PTTL", layoutKey).(int64); now > ttl || now < ttl-900_000 {
				t.Errorf("PTTL was %d, and is %d", ttl, now)
			}
		})
	}
}

// TestConvertRefusesDamage: what it cannot read it leaves.
func TestConvertRefusesDamage(t *testing.T) {
	server := redistest.Start(t)
	d := must(redisstore.New(standalone(t, server), &redisstore.Options{Namespace: "prod:"}))
	for _, command := range [][]string{
		{"SET", layoutKey, "12"},
		{"SET", layoutKey, "01@2"},
		{"RPUSH", layoutKey, "1@2"},
		{"HSET", layoutKey, "commit", "1"},
		{"HSET", layoutKey, "commit", "1", "prepare", "02"},
	} {
		server.Do("FLUSHALL")
		server.Do(command...)
		before := server.Do("DUMP", layoutKey)
		got := must(d.Convert(t.Context(), []string{"orders"}, convertedAt))[0]
		if got.Done || !errors.Is(got.Err, checkpoint.ErrCorruptCheckpoint) || server.Do("DUMP", layoutKey) != before {
			t.Errorf("Convert of %q is %+v, want ErrCorruptCheckpoint and nothing changed", command, got)
		}
	}
	prefixed := must(redisstore.New(standalone(t, server), &redisstore.Options{Prefix: "old:"}))
	if _, err := prefixed.Convert(t.Context(), nil, convertedAt); err == nil {
		t.Error("Convert with a Prefix succeeded: the other program could not read its keys any more")
	}
}

// TestConvertBesideAnOperator: no rewind and no deletion is undone.
func TestConvertBesideAnOperator(t *testing.T) {
	server := redistest.Start(t)
	d := must(redisstore.New(standalone(t, server), &redisstore.Options{Namespace: "prod:"}))
	store := checkpoint.New(d, nil)
	for round := range 200 {
		key := fmt.Sprint("k", round)
		server.Do("SET", "prod:checkpoint:"+key, "12@34")
		var both sync.WaitGroup
		both.Go(func() { must(d.Convert(t.Context(), []string{key}, convertedAt)) })
		if round%2 == 0 {
			must(store.Rewind(t.Context(), key, at(1, 1)))
		} else if err := store.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		both.Wait()
		c, err := store.Get(t.Context(), key)
		if round%2 == 0 && (err != nil || c.Position != at(1, 1)) {
			t.Fatalf("rewound to 1, it is at %s, %v", c.Position, err)
		}
		if round%2 == 1 && !errors.Is(err, checkpoint.ErrNotFound) {
			t.Fatalf("deleted, it is at %s, %v", c.Position, err)
		}
	}
}

// TestBareNumberOfAnotherProgram: behind a prefix it is a position, and in a
// namespace it is damage still.
func TestBareNumberOfAnotherProgram(t *testing.T) {
	server := redistest.Start(t)
	store := checkpoint.New(must(redisstore.New(standalone(t, server), &redisstore.Options{Prefix: "bill-"})), nil)
	server.Do("SET", "bill-a", "18446744073709551615")
	if c, err := store.Get(t.Context(), "a"); err != nil || c.Position != at(1<<64-1, 1<<64-1) {
		t.Errorf("Get is %s, %v; want the number twice", c.Position, err)
	}
	for _, text := range []string{"", "-1", "+1", "01", "1.0", " 1", "18446744073709551616", "x"} {
		server.Do("SET", "bill-a", text)
		if c, err := store.Get(t.Context(), "a"); !errors.Is(err, checkpoint.ErrCorruptCheckpoint) {
			t.Errorf("Get of %q is %s, %v; want ErrCorruptCheckpoint", text, c.Position, err)
		}
	}
}
