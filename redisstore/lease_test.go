package redisstore_test

import (
	"errors"
	"maps"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// leased is the hash of a fence with a lease.
func leased(l checkpoint.Lease) map[string]string {
	epoch := strconv.FormatUint(l.Epoch, 10)
	return map[string]string{
		"epoch": epoch, "owner": l.Owner, "leaseEpoch": epoch, "until": strconv.FormatInt(l.ExpiresAt.UnixMilli(), 10),
	}
}

func TestLayoutOfALease(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	ctx := t.Context()
	const owner = "host 1, \"ü\" 日本"

	lease := must(store.Acquire(ctx, "orders", owner, time.Hour))
	if lease.Key != "orders" || lease.Owner != owner || lease.Epoch != 1 || lease.ExpiresAt.Location() != time.UTC {
		t.Errorf("Acquire returns %+v", lease)
	}
	wantFence(t, server, leased(lease))
	wantKeys(t, server, layoutFence)

	renewed := must(store.Renew(ctx, lease, 2*time.Hour))
	if by := renewed.ExpiresAt.Sub(lease.ExpiresAt); by < time.Hour || by > time.Hour+patience {
		t.Errorf("Renew for an hour more moves the end by %v", by)
	}
	wantFence(t, server, leased(renewed))

	again := must(store.Acquire(ctx, "orders", owner, time.Hour))
	if again.Epoch != 2 {
		t.Errorf("the second lease has epoch %d, want 2", again.Epoch)
	}
	wantFence(t, server, leased(again))

	server.Do("HSET", layoutFence, "note", "an operator's own")
	with := func(h map[string]string) map[string]string {
		h["note"] = "an operator's own"
		return h
	}
	for name, other := range map[string]checkpoint.Lease{
		"the lease before":    lease,
		"another's":           {Key: "orders", Owner: "other", Epoch: again.Epoch},
		"one without a grant": {Key: "orders", Owner: owner},
	} {
		if err := store.Release(ctx, other); err != nil {
			t.Errorf("Release of %s is %v", name, err)
		}
		wantFence(t, server, with(leased(again)))
	}
	if err := store.Release(ctx, again); err != nil {
		t.Fatal(err)
	}
	wantFence(t, server, with(map[string]string{"epoch": "2"}))
	if got := server.Do("PTTL", layoutFence).(int64); got != -1 {
		t.Errorf("PTTL of the fence is %d: it would forget its epoch", got)
	}
}

func TestLeaseOfAnotherOwner(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	ctx := t.Context()
	lease := must(store.Acquire(ctx, "orders", "a", time.Hour))

	_, err := store.Acquire(ctx, "orders", "b", time.Minute)
	held, ok := errors.AsType[*checkpoint.LeaseHeldError](err)
	if !ok || held.Owner != "a" || !held.ExpiresAt.Equal(lease.ExpiresAt) {
		t.Errorf("Acquire of what another holds is %v, want a LeaseHeldError of %+v", err, lease)
	}
	wantFence(t, server, leased(lease))

	expired := strconv.FormatInt(time.Now().UnixMilli()-1, 10)
	server.Do("HSET", layoutFence, "until", expired)
	taken := must(store.Acquire(ctx, "orders", "b", time.Hour))
	wantFence(t, server, leased(taken))
	_, err = store.Renew(ctx, lease, time.Hour)
	if !errors.Is(err, checkpoint.ErrFenced) || !strings.Contains(err.Error(), "has epoch 1, the key has seen 2") {
		t.Errorf("Renew after another took over is %v", err)
	}
	wantFence(t, server, leased(taken))

	server.Do("HSET", layoutFence, "until", expired)
	wantFence(t, server, leased(must(store.Renew(ctx, taken, time.Hour))))
}

// TestLeaseIsTimedByRedis: within the bubble it is the year 2000.
func TestLeaseIsTimedByRedis(t *testing.T) {
	server := redistest.Start(t)
	check := func(t *testing.T, what string, got time.Time, before int64) {
		t.Helper()
		if ms := got.UnixMilli(); ms < before || ms > redisMillis(server)+1 { // it is rounded up
			t.Errorf("%s lets the lease end at %v, not by Redis's clock", what, got)
		}
	}
	rightly := inNamespace(t, standalone(t, server), "prod:")
	synctest.Test(t, func(t *testing.T) {
		if time.Now().Year() != 2000 {
			t.Fatalf("the client's clock is right: %v", time.Now())
		}
		client := redis.NewClient(&redis.Options{Addr: server.Addr()})
		defer client.Close()
		store := inNamespace(t, client, "prod:")
		const ttl = 50 * time.Millisecond
		before := redisMillis(server)
		lease := must(store.Acquire(t.Context(), "orders", "a", ttl))
		check(t, "Acquire", lease.ExpiresAt.Add(-ttl), before)
		before = redisMillis(server)
		lease = must(store.Renew(t.Context(), lease, time.Hour))
		check(t, "Renew", lease.ExpiresAt.Add(-time.Hour), before)
	})
	if _, err := rightly.Acquire(t.Context(), "orders", "b", time.Hour); !errors.Is(err, checkpoint.ErrLeaseHeld) {
		t.Errorf("to a client with the right time the lease has expired: %v", err)
	}
}

func redisMillis(server *redistest.Server) int64 {
	now := server.Do("TIME").([]any)
	return must(strconv.ParseInt(now[0].(string), 10, 64))*1000 + must(strconv.ParseInt(now[1].(string), 10, 64))/1000
}

func TestLeaseAndFenceAreOne(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	ctx := t.Context()
	if err := store.Set(ctx, "orders", at(1, 1), checkpoint.Epoch(1<<53)); err != nil {
		t.Fatal(err)
	}
	lease := must(store.Acquire(ctx, "orders", "a", time.Hour))
	if lease.Epoch != 1<<53+1 {
		t.Errorf("the lease has epoch %d, want one more than the fence was", lease.Epoch)
	}
	if err := store.Set(ctx, "orders", at(2, 2), checkpoint.Epoch(1<<53)); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("a write with the epoch before the lease is %v, want ErrFenced", err)
	}
	if err := store.Set(ctx, "orders", at(2, 2), checkpoint.Epoch(lease.Epoch)); err != nil {
		t.Errorf("a write of the owner: %v", err)
	}
	wantFence(t, server, leased(lease))

	for name, raise := range map[string]func(epoch uint64) error{
		"Rewind": func(uint64) error {
			_, err := store.Rewind(ctx, "orders", at(1, 1))
			return err
		},
		"a write with a higher epoch": func(epoch uint64) error {
			return store.Set(ctx, "orders", at(1, 1), checkpoint.Epoch(epoch))
		},
	} {
		if err := raise(lease.Epoch + 1); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Renew(ctx, lease, time.Hour); !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("after %s Renew is %v, want ErrFenced", name, err)
		}
		next, err := store.Acquire(ctx, "orders", "after "+name, time.Hour)
		if err != nil || next.Epoch != lease.Epoch+2 {
			t.Fatalf("after %s Acquire of another is %+v, %v", name, next, err)
		}
		lease = next
	}

	if err := store.Delete(ctx, "orders"); err != nil {
		t.Fatal(err)
	}
	must(store.Clear(ctx, "*"))
	wantFence(t, server, leased(lease))
	if _, err := store.Acquire(ctx, "orders", "late", time.Hour); !errors.Is(err, checkpoint.ErrLeaseHeld) {
		t.Errorf("after Delete and Clear Acquire of another is %v, want ErrLeaseHeld", err)
	}
}

func TestLeaseAtTheHighestEpoch(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	server.Do("HSET", layoutFence, "epoch", "18446744073709551614")
	lease := must(store.Acquire(t.Context(), "orders", "a", time.Hour))
	if lease.Epoch != 1<<64-1 {
		t.Errorf("the lease has epoch %d", lease.Epoch)
	}
	lease = must(store.Renew(t.Context(), lease, time.Duration(1<<63-1).Truncate(time.Millisecond)))
	wantFence(t, server, leased(lease))
	if years := lease.ExpiresAt.Year() - time.Now().Year(); years < 290 {
		t.Errorf("the longest lease ends in %d years", years)
	}
	if _, err := store.Acquire(t.Context(), "orders", "a", time.Hour); !errors.Is(err, driver.ErrEpochExhausted) {
		t.Errorf("Acquire is %v, want ErrEpochExhausted", err)
	}
	wantFence(t, server, leased(lease))
}

func TestScriptFlushedBeforeALease(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	server.Do("SCRIPT", "FLUSH")
	lease := must(store.Acquire(t.Context(), "orders", "a", time.Hour))
	if lease.Epoch != 1 {
		t.Errorf("the lease has epoch %d: the script ran twice", lease.Epoch)
	}
	server.Do("SCRIPT", "FLUSH")
	lease = must(store.Renew(t.Context(), lease, 2*time.Hour))
	wantFence(t, server, leased(lease))
	server.Do("SCRIPT", "FLUSH")
	if err := store.Release(t.Context(), lease); err != nil {
		t.Error(err)
	}
	wantFence(t, server, map[string]string{"epoch": "1"})
	if calls := commandCalls(server); calls["eval"] != 3 || calls["evalsha"] != 3 {
		t.Errorf("EVAL was called %d times, EVALSHA %d times, want 3 of each", calls["eval"], calls["evalsha"])
	}
}

func TestLeasesInACluster(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 0)
	store := inNamespace(t, cluster(t, nodes), "prod:")
	for _, key := range []string{"orders", "a", "b", "c", "{eu}orders", "{", "}{", "a{b}c{d}"} {
		lease, err := store.Acquire(t.Context(), key, "a", time.Hour)
		if err != nil {
			t.Errorf("Acquire of %q: %v", key, err)
			continue
		}
		// One script reaches both, so that both are in one slot.
		if err := store.Set(t.Context(), key, at(1, 1), checkpoint.Epoch(lease.Epoch)); err != nil {
			t.Errorf("Set of %q with the lease's epoch: %v", key, err)
		}
		must(store.Rewind(t.Context(), key, at(0, 0)))
		if _, err := store.Renew(t.Context(), lease, time.Hour); !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("after Rewind of %q Renew is %v, want ErrFenced", key, err)
		}
		if err := store.Release(t.Context(), lease); err != nil {
			t.Errorf("Release of %q: %v", key, err)
		}
	}
}

func TestDamagedLease(t *testing.T) {
	server := redistest.Start(t)
	store := inNamespace(t, standalone(t, server), "prod:")
	ctx := t.Context()
	lease := checkpoint.Lease{Key: "orders", Owner: "a", Epoch: 7}
	acquire := func(owner string) error {
		_, err := store.Acquire(ctx, "orders", owner, time.Hour)
		return err
	}
	corrupt := func(what string, err error, want string) {
		t.Helper()
		if !errors.Is(err, checkpoint.ErrCorrupt) || !strings.Contains(err.Error(), layoutFence) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is %v, want ErrCorrupt that names the fence, and %s", what, err, want)
		}
	}
	corruptAll := func(want string) {
		t.Helper()
		_, err := store.Renew(ctx, lease, time.Hour)
		corrupt("Renew", err, want)
		corrupt("Acquire", acquire("a"), want)
	}
	good := map[string]string{"epoch": "7", "owner": "a", "leaseEpoch": "7", "until": "99999999999999"}
	store7 := func() {
		server.Do("DEL", layoutFence)
		for field, value := range good {
			server.Do("HSET", layoutFence, field, value)
		}
	}

	for _, epoch := range []string{"", "07", "-7", "7.0", "x", "18446744073709551616"} {
		store7()
		server.Do("HSET", layoutFence, "epoch", epoch)
		corruptAll(strconv.Quote(epoch))
		damaged := maps.Clone(good)
		damaged["epoch"] = epoch
		wantFence(t, server, damaged)
	}
	server.Do("DEL", layoutFence)
	server.Do("SET", layoutFence, "7")
	corruptAll("WRONGTYPE")

	for _, until := range []string{"", "x", "-1", "1e12", "09", "1.5", "9999999999999999"} {
		store7()
		server.Do("HSET", layoutFence, "until", until)
		corrupt("Acquire of another", acquire("b"), "field until")
	}
	store7()
	server.Do("HDEL", layoutFence, "until")
	corrupt("Acquire of another", acquire("b"), "no field until")
	if err := acquire("a"); err != nil {
		t.Errorf("the owner itself cannot mend its lease: %v", err)
	}
	for _, epoch := range []string{"", "x", "-7", "07", "7.0"} {
		store7()
		server.Do("HSET", layoutFence, "leaseEpoch", epoch)
		corrupt("Acquire of another", acquire("b"), "field leaseEpoch")
		if err := acquire("a"); err != nil {
			t.Errorf("the owner itself cannot mend its lease: %v", err)
		}
	}
	for _, field := range []string{"leaseEpoch", "owner"} {
		store7()
		server.Do("HDEL", layoutFence, field)
		corrupt("Acquire of another", acquire("b"), "no field "+field)
	}

	// The next epoch would be one that has been in use.
	for _, lost := range [][]string{{"HDEL", layoutFence, "epoch"}, {"HSET", layoutFence, "epoch", "6"}} {
		store7()
		server.Do(lost...)
		for _, owner := range []string{"a", "b"} {
			corrupt("Acquire without the fence", acquire(owner), "fence")
		}
	}

	server.Do("DEL", layoutFence)
	server.Do("HSET", layoutFence, "note", "an operator's own")
	corrupt("Acquire with neither fence nor lease", acquire("a"), "not an epoch")

	// What is void does not matter.
	store7()
	server.Do("HSET", layoutFence, "leaseEpoch", "6", "until", "x")
	if err := acquire("b"); err != nil {
		t.Errorf("a lease from before the fence is void, but Acquire of another is %v", err)
	}
}
