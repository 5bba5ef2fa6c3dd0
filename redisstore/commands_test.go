package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// commandCalls is how often the servers ran each command, also from scripts.
func commandCalls(servers ...*redistest.Server) map[string]int {
	calls := make(map[string]int)
	for _, s := range servers {
		for line := range strings.Lines(s.Do("INFO", "commandstats").(string)) {
			name, rest, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
			if !ok {
				continue
			}
			count, _, _ := strings.Cut(rest, ",")
			calls[name] += must(strconv.Atoi(count))
		}
	}
	return calls
}

// useEverything calls every method, on every layout that there is, in a
// namespace whose key "older" holds the older layout.
func useEverything(t *testing.T, s *checkpoint.Store) error {
	t.Helper()
	ctx := t.Context()
	var failed []error
	step := func(err error) {
		if err != nil {
			failed = append(failed, err)
		}
	}
	_, err := s.Get(ctx, "older")
	step(err)
	_, err = s.SetIfNewer(ctx, "older", at(2, 2), checkpoint.TTL(time.Hour))
	step(err)
	_, err = s.SetIfNewer(ctx, "new", at(1, 1))
	step(err)
	_, err = s.SetIfNewer(ctx, "new", at(0, 0))
	step(err)
	step(s.Touch(ctx, "new", time.Hour))
	step(s.Touch(ctx, "new", 0))
	if err := s.Touch(ctx, "missing", 0); !errors.Is(err, checkpoint.ErrNotFound) {
		failed = append(failed, fmt.Errorf("touch of a missing key: %w", err))
	}
	rewound, err := s.Rewind(ctx, "new", at(0, 0))
	step(err)
	_, err = s.SetIfNewer(ctx, "new", at(1, 1), checkpoint.Epoch(rewound.Epoch))
	step(err)
	step(s.Set(ctx, "new", at(2, 2)))
	lease, err := s.Acquire(ctx, "new", "a", time.Hour)
	step(err)
	_, err = s.Renew(ctx, lease, time.Hour)
	step(err)
	step(releaseAwaited(ctx, s, lease))
	batch := make([]checkpoint.Write, 2500)
	for i := range batch {
		batch[i] = checkpoint.Write{Key: fmt.Sprint("batch/", i), Mark: checkpoint.Mark{Position: at(uint64(i), 0)}, IfNewer: i%2 == 0}
	}
	_, err = s.Apply(ctx, batch...)
	step(err)
	all, err := checkpoint.Collect(s.GetAll(ctx, "batch/*"))
	step(err)
	if err == nil && len(all) != len(batch) {
		failed = append(failed, fmt.Errorf("GetAll found %d of %d", len(all), len(batch)))
	}
	if _, err = s.SetIfNewer(ctx, "list", at(1, 1)); !errors.Is(err, checkpoint.ErrCorrupt) {
		failed = append(failed, fmt.Errorf("SetIfNewer over a list: %w", err))
	}
	step(s.Delete(ctx, "list"))
	_, err = s.GetMany(ctx, "older", "new", "batch/1", "batch/2", "missing")
	step(err)
	_, err = s.History(ctx, "new", 10)
	step(err)
	step(useSamples(ctx, s))
	step(useReports(ctx, s))
	n, err := s.Clear(ctx, "*")
	step(err)
	if err == nil && n != len(batch)+2 {
		failed = append(failed, fmt.Errorf("Clear removed %d, want %d", n, len(batch)+2))
	}
	return errors.Join(failed...)
}

// useReports reports, with a notice and without.
func useReports(ctx context.Context, s *checkpoint.Store) error {
	_, err := s.Report(ctx, "new", checkpoint.Status{Instance: "a"}, time.Hour)
	return errors.Join(err, s.Pause(ctx, "new"), s.Resume(ctx, "new"), second(s.Statuses(ctx, "new")))
}

// useSamples keeps a sample.
func useSamples(ctx context.Context, s *checkpoint.Store) error {
	err := errors.Join(s.Set(ctx, "new", at(1, 1), checkpoint.UpdatedAt(time.Now().Add(-time.Hour))), s.Set(ctx, "new", at(2, 2)))
	samples, samplesErr := s.Samples(ctx, "new")
	if err == nil && samplesErr == nil && len(samples) != 1 {
		err = fmt.Errorf("the samples are %v, want one", samples)
	}
	return errors.Join(err, samplesErr)
}

// releaseAwaited releases a lease that is waited for, and waits for others.
func releaseAwaited(ctx context.Context, s *checkpoint.Store, lease checkpoint.Lease) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	wait := func(ctx context.Context, key string) (<-chan struct{}, error) {
		ends, err := s.LeaseEnds(ctx, key)
		if err != nil {
			return nil, err
		}
		if _, ok := <-ends; !ok {
			return nil, errors.New("the store does not listen for " + key)
		}
		return ends, nil
	}
	waiter, err := wait(ctx, lease.Key)
	if err != nil {
		return err
	}
	if err := s.Release(ctx, lease); err != nil {
		return err
	}
	if _, ok := <-waiter; !ok {
		return errors.New("nobody was woken after Release")
	}
	left, leave := context.WithCancel(ctx)
	_, err = wait(left, "left")
	leave()
	time.Sleep(time.Millisecond) // so that the next waiter comes after it has left
	return errors.Join(err, second(wait(ctx, "next")))
}

func TestNoCommandBlocksTheServer(t *testing.T) {
	server := redistest.Start(t)
	server.Do("SET", "prod:checkpoint:older", "1@1")
	server.Do("RPUSH", "prod:checkpoint:list", "a")
	store := inNamespace(t, standalone(t, server), "prod:")
	if err := useEverything(t, store); err != nil {
		t.Fatal(err)
	}
	calls := commandCalls(server)
	for _, never := range []string{"keys", "del", "flushall", "flushdb", "sort"} {
		if calls[never] != 0 {
			t.Errorf("%s was called %d times", strings.ToUpper(never), calls[never])
		}
	}
	for _, used := range []string{"hmget", "multi", "evalsha", "scan", "unlink"} {
		if calls[used] == 0 {
			t.Errorf("%s was never called: %v", strings.ToUpper(used), slices.Sorted(maps.Keys(calls)))
		}
	}
}

func TestScriptIsSentOnce(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespaceWith(t, standalone(t, server), "prod:", noSamples)
	other := inNamespaceWith(t, standalone(t, server), "prod:", noSamples)
	for i := range uint64(100) {
		must(store.SetIfNewer(t.Context(), "orders", at(i, 0)))
		must(other.SetIfNewer(t.Context(), "orders", at(i, 1)))
		must(store.Rewind(t.Context(), "orders", at(i, 0)))
		must(store.Apply(t.Context(), checkpoint.Write{Key: "a"}, checkpoint.Write{Key: "b"}, checkpoint.Write{Key: "c"}, checkpoint.Write{Key: "d"}))
	}
	calls := commandCalls(server)
	if calls["eval"] != 1 || calls["evalsha"] != 700 {
		t.Errorf("EVAL was called %d times, EVALSHA %d times; want 1, and 700 of which the first does not find the script",
			calls["eval"], calls["evalsha"])
	}
}

func TestClearDeletesInChunks(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	const keys = 5000
	batch := make([]checkpoint.Write, keys)
	for _, c := range []struct {
		pageSize int
		atLeast  int
	}{
		{100, keys / 32}, {500, keys / 32}, {100_000, keys / 32},
	} {
		for i := range batch {
			batch[i] = checkpoint.Write{Key: fmt.Sprint(i)}
		}
		must(store.Apply(t.Context(), batch...))
		before := commandCalls(server)
		if n := must(store.Clear(t.Context(), "*", checkpoint.PageSize(c.pageSize))); n != keys {
			t.Errorf("Clear removed %d, want %d", n, keys)
		}
		after := commandCalls(server)
		calls := after["evalsha"] - before["evalsha"]
		if calls < c.atLeast || calls > keys/10 {
			t.Errorf("with pages of %d the script was called %d times for %d keys", c.pageSize, calls, keys)
		}
	}
}
