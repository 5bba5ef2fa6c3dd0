package sqlitestore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/checkpointstore/checkpoint"
)

// numbers are any, and above all those where a double, a signed integer or
// text of varying length goes wrong.
func numbers() *rapid.Generator[uint64] {
	around := func(n uint64) *rapid.Generator[uint64] {
		return rapid.Custom(func(t *rapid.T) uint64 { return n + rapid.Uint64Range(0, 8).Draw(t, "distance") - 4 })
	}
	return rapid.OneOf(rapid.Uint64(), around(0), around(1<<53), around(1<<63),
		around(9_999_999_999_999_999_999), around(1<<64-4))
}

// TestSetIfNewerComparesAsUint64 writes over each stored position an equal one, its
// neighbours, and any other. Every run has positions at the ends of what doubles and
// signed integers hold.
func TestSetIfNewerComparesAsUint64(t *testing.T) {
	store := checkpoint.New(openAt(t, filepath.Join(t.TempDir(), "checkpoints.db")), nil)
	n := 0
	check := func(t *rapid.T, stored checkpoint.Position) {
		n++
		key, ctx := fmt.Sprintf("k%d", n), context.Background()
		if err := store.Set(ctx, key, stored); err != nil {
			t.Fatal(err)
		}
		write := func(p checkpoint.Position) {
			want := p.Compare(stored) >= 0
			ok, err := store.SetIfNewer(ctx, key, p)
			if err != nil || ok != want {
				t.Fatalf("SetIfNewer(%s) over %s = %v, %v; want %v", p, stored, ok, err, want)
			}
			if want {
				stored = p
			}
			if cp, err := store.Get(ctx, key); err != nil || cp.Position != stored {
				t.Fatalf("Get = %s, %v; want %s", cp.Position, err, stored)
			}
		}
		write(stored)
		write(checkpoint.Position{Commit: stored.Commit, Prepare: stored.Prepare - 1})
		write(checkpoint.Position{Commit: stored.Commit, Prepare: stored.Prepare + 1})
		write(checkpoint.Position{Commit: stored.Commit - 1, Prepare: numbers().Draw(t, "prepare")})
		write(checkpoint.Position{Commit: stored.Commit + 1, Prepare: numbers().Draw(t, "prepare")})
		write(checkpoint.Position{Commit: numbers().Draw(t, "commit"), Prepare: numbers().Draw(t, "prepare")})
	}
	ends := []uint64{1<<53 - 1, 1 << 53, 1<<63 - 1, 1 << 63, 1<<64 - 1, 0}
	rapid.Check(t, func(t *rapid.T) {
		check(t, checkpoint.Position{Commit: numbers().Draw(t, "stored commit"), Prepare: numbers().Draw(t, "stored prepare")})
		for i, end := range ends {
			check(t, checkpoint.Position{Commit: end, Prepare: ends[(i+1)%len(ends)]})
		}
	})
}
