package pgstore_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// Of two Adopts and a first entry of the key's own, all at the same time, at most one Adopt
// stores its entries, and one its samples. The own entry stands before them.
func TestAdoptBesideOthers(t *testing.T) {
	for name, own := range map[string][]driver.Write{
		"two Adopts":         nil,
		"Set":                {set("", 7)},
		"SetIfNewer and Set": {ifNewer("", 6), set("", 7)},
		"RaiseFence":         {},
	} {
		t.Run(name, func(t *testing.T) {
			url := newDatabase(t)
			first, second, third := open(t, url, nil), open(t, url, nil), open(t, url, nil)
			for i := range 150 {
				key := fmt.Sprint(i)
				together(t,
					func() error { return adopt(t.Context(), first, key, "1") },
					func() error { return adopt(t.Context(), second, key, "2") },
					func() error { return changeFirst(t.Context(), third, key, own) },
				)
				told := actors(t, first, key)
				want := []string{"[own 1 1]", "[own 2 2]", "[own]"}
				if own == nil {
					want = []string{"[1 1]", "[2 2]"}
				}
				if !slices.Contains(want, told) {
					t.Fatalf("the entries of %s are by %s, want one of %s", key, told, want)
				}
				samples, err := first.Samples(t.Context(), key)
				if err != nil || len(samples) != 2 || samples[0].Position != samples[1].Position {
					t.Fatalf("the samples of %s are %v, %v", key, samples, err)
				}
			}
		})
	}
}

func together(t *testing.T, calls ...func() error) {
	t.Helper()
	var all sync.WaitGroup
	for _, call := range calls {
		all.Go(func() {
			if err := call(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// adopt brings two entries by an actor, and two samples at times that no other actor has.
func adopt(ctx context.Context, d *pgstore.Driver, key, actor string) error {
	at := time.Now().UTC().Truncate(time.Hour)
	e := driver.AuditEntry{At: at, Op: "set", By: driver.By{Actor: actor}}
	p := driver.Position{Commit: uint64(actor[0])}
	at = at.Add(time.Duration(actor[0]) * time.Second)
	return d.Adopt(ctx, key, []driver.AuditEntry{e, e},
		[]driver.Sample{{At: at, Position: p}, {At: at.Add(-time.Hour), Position: p}})
}

// changeFirst makes writes, or raises the fence if there are none.
func changeFirst(ctx context.Context, d *pgstore.Driver, key string, writes []driver.Write) error {
	if writes == nil {
		return nil
	}
	for _, w := range writes {
		w.Key = key
		if err := write(ctx, d, w).Err; err != nil {
			return err
		}
	}
	if len(writes) > 0 {
		return nil
	}
	_, err := d.RaiseFence(ctx, key, 5)
	return err
}

// actors returns who has made the changes of key, the latest first.
func actors(t *testing.T, d *pgstore.Driver, key string) string {
	t.Helper()
	entries, err := d.History(t.Context(), key, 9)
	if err != nil {
		t.Fatal(err)
	}
	by := make([]string, len(entries))
	for i, e := range entries {
		if by[i] = e.Actor; e.Actor == "" {
			by[i] = "own"
		}
	}
	return fmt.Sprint(by)
}
