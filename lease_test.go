package checkpoint_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

func TestLeaseArguments(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	for name, c := range map[string]struct {
		key, owner string
		ttl        time.Duration
		want       string
	}{
		"no key":                   {"", "a", time.Second, "invalid key"},
		"no owner":                 {"k", "", time.Second, "owner: it is empty"},
		"a long owner":             {"k", strings.Repeat("o", 513), time.Second, "owner: it has 513 bytes"},
		"an owner with a newline":  {"k", "a\nb", time.Second, "control character"},
		"an owner that is no text": {"k", "\xff", time.Second, "UTF-8"},
		"no time":                  {"k", "a", 0, "at least a millisecond"},
		"a negative time":          {"k", "a", -time.Second, "negative"},
	} {
		if _, err := store.Acquire(t.Context(), c.key, c.owner, c.ttl); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Acquire with %s: %v; want an error with %q", name, err, c.want)
		}
	}
	lease, err := store.Acquire(t.Context(), "k", "a", time.Nanosecond)
	if err != nil || lease.Epoch != 1 {
		t.Errorf("a part of a millisecond: %+v, %v; want a lease, the first", lease, err)
	}
	if _, err := store.Acquire(t.Context(), "k2", "a", math.MaxInt64); err != nil {
		t.Errorf("the longest time there is: %v", err)
	}
}

func TestLeaseThatNobodyGrantedIsNotRenewed(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	if lease, err := store.Renew(t.Context(), checkpoint.Lease{Key: "k", Owner: "a"}, time.Second); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("%+v, %v; want ErrFenced", lease, err)
	}
}

func TestStoreWithoutLeases(t *testing.T) {
	store := checkpoint.New(struct{ driver.Driver }{memstore.New()}, nil)
	_, acquire := store.Acquire(t.Context(), "k", "a", time.Second)
	_, renew := store.Renew(t.Context(), checkpoint.Lease{Key: "k", Owner: "a", Epoch: 1}, time.Second)
	release := store.Release(t.Context(), checkpoint.Lease{Key: "k", Owner: "a", Epoch: 1})
	for name, err := range map[string]error{"Acquire": acquire, "Renew": renew, "Release": release} {
		if !errors.Is(err, checkpoint.ErrNoLeases) {
			t.Errorf("%s: %v; want ErrNoLeases", name, err)
		}
	}
}

func TestLeaseErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := checkpoint.New(memstore.New(), nil)
		first, err := store.Acquire(t.Context(), "k", "a", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.Acquire(t.Context(), "k", "b", time.Minute)
		var held *checkpoint.LeaseHeldError
		var e *checkpoint.Error
		if !errors.Is(err, checkpoint.ErrLeaseHeld) || !errors.As(err, &held) || held.Owner != "a" ||
			!held.ExpiresAt.Equal(first.ExpiresAt) || !errors.As(err, &e) || e.Op != "acquire" || e.Key != "k" {
			t.Errorf("Acquire of what a holds: %#v", err)
		}
		time.Sleep(time.Minute)
		second, err := store.Acquire(t.Context(), "k", "b", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Renew(t.Context(), first, time.Minute); !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("Renew of what b took over: %v; want ErrFenced", err)
		}
		_, err = store.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: 1}, checkpoint.Epoch(first.Epoch))
		if !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("a write by the former owner: %v; want ErrFenced", err)
		}
		if err := store.Release(t.Context(), second); err != nil {
			t.Error(err)
		}
		store.Close()
		if _, err := store.Acquire(t.Context(), "k", "a", time.Minute); !errors.Is(err, checkpoint.ErrClosed) {
			t.Errorf("Acquire after Close: %v; want ErrClosed", err)
		}
	})
}
