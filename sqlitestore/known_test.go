package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// TestWriterSeesWhatOthersChanged: what the writer knows of a key ends with a
// change by anybody else, whatever it was.
func TestWriterSeesWhatOthersChanged(t *testing.T) {
	store, path := newStore(t)
	other := checkpoint.New(openAt(t, path), nil)
	conn := shell(t, path)
	run(t, conn, "PRAGMA ignore_check_constraints = ON")
	at := func(commit uint64) checkpoint.Position { return checkpoint.Position{Commit: commit} }
	for name, test := range map[string]struct {
		change  func(ctx context.Context, key string) error
		updated bool // by a SetIfNewer of 7 after 5
		err     error
	}{
		"a newer position": {
			change: func(ctx context.Context, key string) error { return other.Set(ctx, key, at(10)) },
		},
		"deleted": {
			change: func(ctx context.Context, key string) error { return other.Delete(ctx, key) }, updated: true,
		},
		"rewound": {
			change: func(ctx context.Context, key string) error {
				_, err := other.Rewind(ctx, key, at(8))
				return err
			},
		},
		"another key": {
			change: func(ctx context.Context, key string) error { return other.Set(ctx, key+"/other", at(10)) }, updated: true,
		},
		"damaged": {
			change: func(ctx context.Context, key string) error {
				_, err := conn.ExecContext(ctx, "UPDATE checkpoints SET prepare_position = '1' WHERE key = ?", key)
				return err
			},
			err: checkpoint.ErrCorrupt,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 3 {
				key := fmt.Sprint(name, i)
				if ok, err := store.SetIfNewer(t.Context(), key, at(5)); !ok || err != nil {
					t.Fatal(ok, err)
				}
				if err := test.change(t.Context(), key); err != nil {
					t.Fatal(err)
				}
				updated, err := store.SetIfNewer(t.Context(), key, at(7))
				if updated != test.updated || !errors.Is(err, test.err) {
					t.Errorf("SetIfNewer: %v, %v; want %v, %v", updated, err, test.updated, test.err)
				}
			}
		})
	}
}

// TestWriterSeesItsOwnChanges: each is held against the one before, in the same
// transaction and in later ones.
func TestWriterSeesItsOwnChanges(t *testing.T) {
	store, _ := newStore(t)
	ctx := t.Context()
	at := func(commit uint64) checkpoint.Position { return checkpoint.Position{Commit: commit} }
	want := func(key string, commit uint64, updated bool) {
		t.Helper()
		if ok, err := store.SetIfNewer(ctx, key, at(commit)); ok != updated || err != nil {
			t.Errorf("SetIfNewer of %s to %d: %v, %v; want %v", key, commit, ok, err, updated)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want("k", 5, true)
	want("k", 4, false)
	must(store.Set(ctx, "k", at(3)))
	want("k", 4, true)
	must(store.Delete(ctx, "k"))
	want("k", 1, true)
	_, err := store.Rewind(ctx, "k", at(0))
	must(err)
	want("k", 1, true)

	must(store.Set(ctx, "expires", at(9), checkpoint.TTL(time.Hour)))
	must(store.Touch(ctx, "expires", time.Millisecond))
	for deadline := time.Now().Add(10 * time.Second); ; {
		ok, err := store.SetIfNewer(ctx, "expires", at(1))
		must(err)
		if ok {
			break // it has expired
		}
		if time.Now().After(deadline) {
			t.Fatal("what Touch made expire still stands")
		}
	}
	outcomes, err := store.Apply(ctx,
		checkpoint.Write{Key: "k", Mark: checkpoint.Mark{Position: at(7)}, IfNewer: true},
		checkpoint.Write{Key: "k", Mark: checkpoint.Mark{Position: at(6)}, IfNewer: true},
		checkpoint.Write{Key: "k", Mark: checkpoint.Mark{Position: at(2)}},
		checkpoint.Write{Key: "k", Mark: checkpoint.Mark{Position: at(6)}, IfNewer: true})
	must(err)
	wanted := []checkpoint.Outcome{checkpoint.Advanced, checkpoint.Stale, checkpoint.Advanced, checkpoint.Advanced}
	if !slices.Equal(outcomes, wanted) {
		t.Errorf("Apply: %v; want %v", outcomes, wanted)
	}
}
