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

func TestSetIfNewerComparesAsUint64(t *testing.T) {
	store := checkpoint.New(openAt(t, filepath.Join(t.TempDir(), "checkpoints.db")), nil)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		key, ctx := fmt.Sprintf("k%d", n), context.Background()
		draw := func(name string) checkpoint.Position {
			return checkpoint.Position{
				Commit:  numbers().Draw(t, name+" commit"),
				Prepare: numbers().Draw(t, name+" prepare"),
			}
		}
		stored := draw("stored")
		if err := store.Set(ctx, key, stored); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			p := draw("written")
			if rapid.Bool().Draw(t, "same commit") {
				p.Commit = stored.Commit
			}
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
	})
}
