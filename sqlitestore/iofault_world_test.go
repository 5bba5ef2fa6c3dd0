//go:build unix

package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// A world is a store and what may be in it.
type world struct {
	store    *checkpoint.Store
	path     string
	possible map[string][]uint64 // positions by key; absent is a position, too
	epochs   uint64              // of the lease
	next     uint64
	failures int
}

const absent = 0

func newWorld(t *testing.T, path string) *world {
	t.Helper()
	w := &world{store: checkpoint.New(openAt(t, path), nil), path: path, possible: map[string][]uint64{}}
	for _, batch := range batches() {
		for _, write := range batch {
			w.possible[write.Key] = []uint64{absent}
		}
	}
	w.possible["leased"] = []uint64{absent}
	return w
}

func (w *world) close(t *testing.T) {
	t.Helper()
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	checkIntegrity(t, w.path)
}

func batches() [][]checkpoint.Write {
	var many []checkpoint.Write
	for i := range 30 {
		many = append(many, checkpoint.Write{Key: fmt.Sprintf("many/%d", i), IfNewer: i%2 == 0})
	}
	return [][]checkpoint.Write{{{Key: "one", IfNewer: true}}, many, {{Key: "gone"}}, {{Key: "one"}, {Key: "two"}}}
}

// work writes in every way.
func (w *world) work(ctx context.Context) error {
	for _, batch := range batches() {
		w.next++
		for i := range batch {
			batch[i].Position = at(w.next)
		}
		if err := w.apply(ctx, batch); err != nil {
			return err
		}
	}
	err := w.store.Delete(ctx, "gone")
	if err == nil {
		w.possible["gone"] = nil
	}
	w.possible["gone"] = append(w.possible["gone"], absent)
	if err := w.clear(err); err != nil {
		return err
	}
	lease, err := w.store.Acquire(ctx, "leased", "owner", time.Hour)
	if err != nil {
		return w.clear(err)
	}
	if lease.Epoch <= w.epochs {
		return fmt.Errorf("a lease with epoch %d, after %d", lease.Epoch, w.epochs)
	}
	w.epochs = lease.Epoch
	w.next++
	return w.apply(ctx, []checkpoint.Write{{Key: "leased", Mark: checkpoint.Mark{Position: at(w.next), Epoch: lease.Epoch}}})
}

func (w *world) apply(ctx context.Context, batch []checkpoint.Write) error {
	outcomes, err := w.store.Apply(ctx, batch...)
	if len(outcomes) != len(batch) {
		return fmt.Errorf("%d outcomes of %d writes: %w", len(outcomes), len(batch), err)
	}
	for i, o := range outcomes {
		key, n := batch[i].Key, batch[i].Position.Commit
		switch {
		case o == checkpoint.Unknown && err != nil:
			w.possible[key] = append(w.possible[key], n)
		case o == checkpoint.Failed && err != nil:
		case o == checkpoint.Advanced && err == nil:
			w.possible[key] = []uint64{n}
		default:
			return fmt.Errorf("%s at %d: %v, %w", key, n, o, err)
		}
	}
	return w.clear(err)
}

// saysWhatToDo reports whether an error of a full disk does.
func saysWhatToDo(err error) bool {
	return !strings.Contains(err.Error(), "is full") || strings.Contains(err.Error(), "make room on its disk")
}

// clear holds an error to what a reader of it needs.
func (w *world) clear(err error) error {
	if err == nil {
		return nil
	}
	w.failures++
	if isNotFound(err) || isFenced(err) || errors.Is(err, checkpoint.ErrCorrupt) ||
		!strings.Contains(err.Error(), w.path) || !strings.Contains(err.Error(), "disk") || !saysWhatToDo(err) {
		return fmt.Errorf("the error of a disk that fails: %w", err)
	}
	return nil
}

// check holds what is stored to what may be.
func (w *world) check(ctx context.Context, store *checkpoint.Store, when string) error {
	all, err := checkpoint.Collect(store.GetAll(ctx, "*"))
	if err != nil {
		return fmt.Errorf("%s: %w", when, err)
	}
	for key := range w.possible {
		cp, err := store.Get(ctx, key)
		if err != nil && !isNotFound(err) || all[key].Position != cp.Position {
			return fmt.Errorf("%s: Get %s: %s, %w; GetAll: %s", when, key, cp.Position, err, all[key].Position)
		}
		if !w.isPossible(cp, key) {
			return fmt.Errorf("%s: %s is at %s, may be at %d", when, key, cp.Position, w.possible[key])
		}
		delete(all, key)
	}
	for key, cp := range all {
		return fmt.Errorf("%s: %s is at %s, and was never written, or failed", when, key, cp.Position)
	}
	return nil
}

func (w *world) isPossible(cp checkpoint.Checkpoint, key string) bool {
	return slices.Contains(w.possible[key], cp.Position.Commit) && cp.Position == at(cp.Position.Commit)
}

// read holds the answers of a disk that fails to what may be stored.
func (w *world) read(ctx context.Context) error {
	for key := range w.possible {
		cp, err := w.store.Get(ctx, key)
		if (err == nil || isNotFound(err)) && !w.isPossible(cp, key) {
			return fmt.Errorf("Get %s: %s, %w; it may be at %d", key, cp.Position, err, w.possible[key])
		}
	}
	return nil
}

// checkCopy opens the file and its log as they are now, elsewhere.
func (w *world) checkCopy(t *testing.T, when string) {
	t.Helper()
	copied := w.path + "-crashed"
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(w.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		write(t, copied+suffix, string(content))
	}
	store := checkpoint.New(openAt(t, copied), nil)
	if err := w.check(t.Context(), store, when); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	checkIntegrity(t, copied)
}
