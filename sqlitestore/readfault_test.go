//go:build unix

package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// TestReadsFromADiskThatHangs: with the shortcuts and without, a read ends with its
// context, and the store works again when the disk does.
func TestReadsFromADiskThatHangs(t *testing.T) {
	eachRead(t, func(t *testing.T, r *reader) {
		t.Helper()
		release := disk.hang()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := r.read(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while the disk hangs: %v", err)
		}
		release()
	})
}

// TestReadsFromADiskThatFails: with the shortcuts and without, a read of a disk that cannot be
// read finds what is stored, or fails.
func TestReadsFromADiskThatFails(t *testing.T) {
	for _, f := range []fault{{name: "once", once: true, calls: callRead}, {name: "for ever", calls: callRead}} {
		t.Run(f.name, func(t *testing.T) {
			eachRead(t, func(t *testing.T, r *reader) {
				t.Helper()
				failures := 0
				for n, met := 1, true; met; n++ {
					r.change(t)
					disk.arm(&f, n)
					err := r.read(t.Context())
					met = disk.disarm()
					if err != nil {
						failures++
					}
					if err != nil && (!met || isNotFound(err) || errors.Is(err, checkpoint.ErrCorrupt) || !strings.Contains(err.Error(), "disk")) {
						t.Errorf("read %d of the disk fails: %v", n, err)
					}
				}
				if failures == 0 && !f.once {
					t.Error("no call failed: this proves nothing")
				}
			})
		})
	}
}

// A reader reads the position 2 of the key "k" in one way.
type reader struct {
	read  func(context.Context) error
	other *checkpoint.Store // on the same file
}

// change ends what the connections of the reader know of the file.
func (r *reader) change(t *testing.T) {
	t.Helper()
	if err := r.other.Set(t.Context(), "k", checkpoint.Position{Commit: 2}); err != nil {
		t.Fatal(err)
	}
}

// eachRead runs f for each way to read, with the shortcuts and without. Afterwards the disk
// works.
func eachRead(t *testing.T, f func(*testing.T, *reader)) {
	t.Helper()
	failingVFS(t)
	for name, o := range map[string]sqlitestore.Options{"shortcuts": {}, "no shortcuts": {NoShortcuts: true}} {
		t.Run(name, func(t *testing.T) {
			d := openWith(t, filepath.Join(t.TempDir(), "checkpoints.db"), o)
			r := reader{other: checkpoint.New(openAt(t, d.path), nil)}
			for call, read := range waysToRead(checkpoint.New(d, nil)) {
				r.read = func(ctx context.Context) error {
					p, err := read(ctx)
					if err == nil && p.Commit != 2 {
						err = fmt.Errorf("read %s", p)
					}
					return err
				}
				t.Run(call, func(t *testing.T) {
					for range 10 { // on each connection
						r.change(t)
						if err := r.read(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					r.change(t)
					f(t, &r)
					if err := r.read(t.Context()); err != nil {
						t.Errorf("when the disk works again: %v", err)
					}
				})
			}
		})
	}
}

func waysToRead(store *checkpoint.Store) map[string]func(context.Context) (checkpoint.Position, error) {
	return map[string]func(context.Context) (checkpoint.Position, error){
		"Get": func(ctx context.Context) (checkpoint.Position, error) {
			c, err := store.Get(ctx, "k")
			return c.Position, err
		},
		"GetMany": func(ctx context.Context) (checkpoint.Position, error) {
			found, err := store.GetMany(ctx, "k", "l")
			return found["k"].Position, err
		},
		"GetAll": func(ctx context.Context) (checkpoint.Position, error) {
			found, err := checkpoint.Collect(store.GetAll(ctx, "*"))
			return found["k"].Position, err
		},
		"Inspect": func(ctx context.Context) (checkpoint.Position, error) {
			found, err := store.Inspect(ctx, "k")
			return found.Checkpoint.Position, err
		},
	}
}
