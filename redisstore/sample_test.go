package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

const (
	layoutSamples = "prod:checkpoint-samples:{prod:checkpoint:orders}"
	layoutHours   = "prod:checkpoint-samples:hours:{prod:checkpoint:orders}"
)

// longAgo stores a checkpoint whose position every write of today replaces with a sample.
func longAgo(server *redistest.Server) {
	server.Do("FLUSHALL")
	server.Do("HSET", layoutKey, "commit", "1", "prepare", "2", "updatedAt", "2026-01-02T03:59:05.006Z")
}

func TestLayoutOfSamples(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	longAgo(server)
	when := time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC)
	for i, minutes := range []int{3, 4, 5, 60} {
		must(store.SetIfNewer(t.Context(), "orders", at(uint64(3+i), uint64(3+i)), checkpoint.UpdatedAt(when.Add(time.Duration(minutes)*time.Minute))))
	}
	for key, want := range map[string]string{
		layoutSamples: "[20260102040500000h5 20260102040400000 4 20260102035905006h1@2]",
		layoutHours:   "[20260102040500000h5 20260102035905006h1@2]",
	} {
		if got := fmt.Sprint(server.Do("LRANGE", key, "0", "-1")); got != want {
			t.Errorf("the samples at %s are %s, want %s", key, got, want)
		}
		if got := server.Do("PTTL", key).(int64); got > driver.SampleAge.Milliseconds() || got < driver.SampleAge.Milliseconds()-60_000 {
			t.Errorf("PTTL of %s is %d, want SampleAge", key, got)
		}
	}
	wantKeys(t, server, layoutKey, layoutSamples, layoutHours)
}

// TestSamplesThatAreNone: Samples does not take them for an empty list, and they hold up no
// write.
func TestSamplesThatAreNone(t *testing.T) {
	server := redistest.Start(t)
	client := standalone(t, server)
	for _, plant := range [][]string{
		{"SET", layoutSamples, "x"},
		{"SET", layoutHours, "x"},
		{"LPUSH", layoutSamples, "x"},
		{"LPUSH", layoutHours, "20260102040500000x5"},
		{"LPUSH", layoutHours, "20261302040500000h5"},
		{"LPUSH", layoutHours, "20260102040500000h5@"},
	} {
		longAgo(server)
		server.Do(plant...)
		store := inNamespace(t, client, "prod:")
		if samples, err := store.Samples(t.Context(), "orders"); !errors.Is(err, checkpoint.ErrCorruptHistory) || !strings.Contains(err.Error(), plant[1]) {
			t.Errorf("after %q Samples is %v, %v, want an error that names the key", plant, samples, err)
		}
		if ok, err := store.SetIfNewer(t.Context(), "orders", at(2, 2)); !ok || err != nil {
			t.Errorf("after %q SetIfNewer is %v, %v", plant, ok, err)
		}
		if plant[0] == "SET" {
			if samples := must(store.Samples(t.Context(), "orders")); len(samples) != 1 || samples[0].Position != at(1, 2) {
				t.Errorf("after %q and a write Samples is %v, want what the write has replaced", plant, samples)
			}
		}
	}
}

// TestUserWhoMayKeepNoSamples writes all the same.
func TestUserWhoMayKeepNoSamples(t *testing.T) {
	server := redistest.Start(t)
	for name, rule := range map[string][]string{
		"the key":     {"~prod:checkpoint:*", "~prod:checkpoint-fence:*", "~prod:checkpoint-audit:*", "+@all"},
		"the command": {"~*", "+@all", "-lpush"},
	} {
		server.Do(append([]string{"ACL", "SETUSER", "user", "reset", "on", ">secret"}, rule...)...)
		store := inNamespace(t, as(t, server, "user"), "prod:")
		longAgo(server)
		for i := range uint64(3) {
			if ok, err := store.SetIfNewer(t.Context(), "orders", at(2+i, 2)); !ok || err != nil {
				t.Errorf("without %s SetIfNewer is %v, %v", name, ok, err)
			}
		}
		wantKeys(t, server, layoutKey)
	}
}

// TestSamplesOnTheirWay: the script that needs the samples runs nowhere while the slot of
// the key moves. The write is made without it, at once.
func TestSamplesOnTheirWay(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 0)
	s := inNamespace(t, cluster(t, nodes), "prod:")
	long := time.Now().Add(-time.Hour)
	must(s.SetIfNewer(t.Context(), "moving", at(1, 1), checkpoint.UpdatedAt(long)))
	slot, from, to := place(t, nodes, "prod:checkpoint:moving")
	defer startMoving(slot, from, to)()
	if ok, err := s.SetIfNewer(t.Context(), "moving", at(2, 1)); !ok || err != nil {
		t.Errorf("SetIfNewer while the slot moves is %v, %v", ok, err)
	}
	if got := must(s.Samples(t.Context(), "moving")); len(got) != 0 {
		t.Errorf("Samples is %v: the keys of the samples are not on the node", got)
	}
}

// TestAnotherProgramsKeysGetNoSamples: its layout has no place for them.
func TestAnotherProgramsKeysGetNoSamples(t *testing.T) {
	server := redistest.Start(t)
	d := must(redisstore.New(standalone(t, server), &redisstore.Options{Prefix: "prod:checkpoint:"}))
	store := checkpoint.New(d, nil)
	defer store.Close()
	longAgo(server)
	must(store.SetIfNewer(t.Context(), "orders", at(2, 2)))
	wantKeys(t, server, layoutKey)
	if _, err := store.Samples(t.Context(), "orders"); err == nil {
		t.Error("Samples of another program's keys does not fail")
	}
}

// asking is a hook that counts the writes that ask for a sample: they have an argument more.
type asking struct{ asked, sent int }

func (*asking) DialHook(next redis.DialHook) redis.DialHook { return next }

func (a *asking) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		a.count(cmd)
		return next(ctx, cmd)
	}
}

func (a *asking) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			a.count(cmd)
		}
		return next(ctx, cmds)
	}
}

func (a *asking) count(cmd redis.Cmder) {
	if args := cmd.Args(); cmd.Name() == "evalsha" && fmt.Sprint(args[2]) == "1" && fmt.Sprint(args[3]) == layoutKey {
		a.sent++
		if len(args) > 7 {
			a.asked++
		}
	}
}

// TestSamplesAreAskedForOnceInABucket: each argument costs the server time. A time that
// comes again is asked for again.
func TestSamplesAreAskedForOnceInABucket(t *testing.T) {
	client := standalone(t, redistest.Start(t))
	var a asking
	client.AddHook(&a)
	store := inNamespace(t, client, "prod:")
	must(store.SetIfNewer(t.Context(), "warm", at(1, 1))) // loads the script
	begin := time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC)
	for i, c := range []struct{ minutes, asked int }{{0, 1}, {1, 1}, {4, 1}, {5, 2}, {6, 2}, {1, 3}, {6, 4}, {7, 4}, {61, 5}} {
		when := checkpoint.UpdatedAt(begin.Add(time.Duration(c.minutes) * time.Minute))
		must(store.SetIfNewer(t.Context(), "orders", at(uint64(1+i), 1), when))
		if a.asked != c.asked || a.sent != 1+i {
			t.Fatalf("after the write of minute %d, %d of %d writes have asked for a sample, want %d", c.minutes, a.asked, a.sent, c.asked)
		}
	}
}
