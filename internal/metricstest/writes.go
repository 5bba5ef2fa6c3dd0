package metricstest

import (
	"errors"
	"strings"

	"github.com/checkpointstore/checkpoint"
)

func writes(outcome, key string) string {
	if key == "" {
		return `checkpoint_writes_total{checkpoint_outcome="` + outcome + `"}`
	}
	return `checkpoint_writes_total{checkpoint_key="` + key + `",checkpoint_outcome="` + outcome + `"}`
}

// writesOne: each outcome of a call that writes one position.
func writesOne(b *bench) {
	set := func(n, epoch uint64) error {
		_, err := b.store.SetIfNewer(b.Context(), "orders/1", at(n), checkpoint.Epoch(epoch))
		return err
	}
	b.must(set(1, 2))
	b.must(set(2, 2))
	b.must(set(2, 2)) // unchanged
	b.must(set(1, 2)) // stale
	if err := set(3, 1); !errors.Is(err, checkpoint.ErrFenced) {
		b.Fatal(err)
	}
	if _, err := b.store.SetIfNewer(b.Context(), "orders/1", at(3), checkpoint.TTL(-1)); err == nil {
		b.Fatal("a negative TTL was taken")
	}
	b.must(b.store.Set(b.Context(), "orders/1", at(1)))
	b.want(Samples{
		writes("advanced", "orders/1"): 3, writes("unchanged", "orders/1"): 1, writes("stale", "orders/1"): 1,
		writes("fenced", "orders/1"): 1, writes("failed", "orders/1"): 1, writes("unknown", "orders/1"): 0,
	})
	b.mem.Fail(errEngine)
	if err := set(4, 2); !errors.Is(err, errEngine) {
		b.Fatal(err)
	}
	got := b.scrape()
	if n := got[writes("unknown", "orders/1")] + got[writes("failed", "orders/1")]; n != 2 {
		b.Errorf("%v writes were in error, want 2", n)
	}
}

// writesBatch: a batch has many keys, so it counts without one.
func writesBatch(b *bench) {
	at := func(commit, epoch uint64) checkpoint.Write {
		mark := checkpoint.Mark{Position: at(commit), Epoch: epoch}
		return checkpoint.Write{Key: "orders/1", IfNewer: true, Mark: mark}
	}
	_, err := b.store.Apply(b.Context(), at(2, 2), at(3, 2), at(3, 2), at(1, 2), at(1, 2), at(1, 2), at(4, 1))
	b.must(err)
	b.want(Samples{
		writes("advanced", ""): 2, writes("unchanged", ""): 1, writes("stale", ""): 3, writes("fenced", ""): 1,
		writes("failed", ""): 0, writes("unknown", ""): 0,
	})
}

// writesZero: a counter that is first seen at 1 has not risen, for Prometheus.
func writesZero(b *bench) {
	b.must(b.store.Set(b.Context(), "orders/1", at(1)))
	b.want(Samples{
		writes("fenced", "orders/1"): 0, writes("stale", "orders/1"): 0, writes("unknown", "orders/1"): 0,
		`checkpoint_rewinds_total{checkpoint_key="orders/1"}`: 0, `checkpoint_lease_lost_total{checkpoint_key="orders/1"}`: 0,
	})
}

// writesShared: keys that do not match the pattern have one series.
func writesShared(b *bench) {
	for _, key := range []string{"a", "b", "orders/1", "orders/2"} {
		b.must(b.store.Set(b.Context(), key, at(1)))
	}
	b.want(Samples{
		writes("advanced", ""): 2, writes("advanced", "orders/1"): 1, writes("advanced", "orders/2"): 1,
	})
	b.wantNone(`checkpoint_writes_total{checkpoint_key="a"`)
}

// writesInvalidKeys: a key that the store refuses names no series. Prometheus takes valid
// UTF-8 only.
func writesInvalidKeys(b *bench) {
	b.observe("*")
	for i, key := range []string{"orders/\xff", "orders/\n", strings.Repeat("k", 513)} {
		if err := b.store.Set(b.Context(), key, at(1)); !errors.Is(err, checkpoint.ErrInvalidKey) {
			b.Fatalf("the key %q: %v", key, err)
		}
		b.want(Samples{writes("failed", ""): float64(i + 1)})
	}
	b.wantNone(`checkpoint_writes_total{checkpoint_key=`)
}

func rewinds(b *bench) {
	for _, key := range []string{"orders/1", "a", "a"} {
		_, err := b.store.Rewind(b.Context(), key, at(1))
		b.must(err)
	}
	if _, err := b.store.Rewind(b.Context(), "a", at(1), checkpoint.Epoch(1)); !errors.Is(err, checkpoint.ErrFenced) {
		b.Fatal(err)
	}
	b.want(Samples{
		`checkpoint_rewinds_total{checkpoint_key="orders/1"}`: 1, `checkpoint_rewinds_total{}`: 2,
		writes("advanced", "orders/1"): 1, writes("fenced", ""): 1,
	})
}
