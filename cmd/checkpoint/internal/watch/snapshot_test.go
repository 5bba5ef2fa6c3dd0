package watch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// TestSnapshotOfAKeyThatHasNothing: nothing is stored for a key that was paused before its
// consumer first starts. Who asks for the key sees the pause, and who waits for its end.
func TestSnapshotOfAKeyThatHasNothing(t *testing.T) {
	const key = "orders[1]"
	store := checkpoint.New(memstore.New(), nil)
	look := func(pattern string) []watch.Row {
		t.Helper()
		rows, err := watch.Rules{}.Snapshot(t.Context(), store, pattern)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	pattern := driver.QuotePattern(key)
	if rows := look(pattern); len(rows) != 0 {
		t.Errorf("before the pause: %+v", rows)
	}
	if err := store.Pause(checkpoint.WithBy(t.Context(), "ana", "no schema"), key); err != nil {
		t.Fatal(err)
	}
	waiting := checkpoint.Status{Instance: "a", State: checkpoint.StatePaused, Since: time.Now(), Now: time.Now()}
	for _, owner := range []string{"", "a"} {
		rows := look(pattern)
		if len(rows) != 1 || rows[0].Key != key || rows[0].State != watch.Paused || rows[0].Why != "paused by ana: no schema" || rows[0].Owner != owner {
			t.Errorf("with the instance %q: %+v", owner, rows)
		}
		if _, err := store.Report(t.Context(), key, waiting, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"*", "orders*", "orders", key} { // key is the pattern of orders1
		if rows := look(other); len(rows) != 0 {
			t.Errorf("%s: %+v", other, rows)
		}
	}
	if err := store.Resume(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if rows := look(pattern); len(rows) != 1 || rows[0].State != watch.Paused {
		t.Errorf("after the pause, until the instance has heard of its end: %+v", rows)
	}
}

// torn is a store in which the history of one key is damaged.
type torn struct {
	*memstore.Driver

	key string
}

func (d torn) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	if key == d.key {
		return nil, driver.DamagedHistory("an entry of %q", key)
	}
	return d.Driver.History(ctx, key, n)
}

// rewound returns a store with n keys that were rewound long ago.
func rewound(t *testing.T, n int) *memstore.Driver {
	t.Helper()
	mem := memstore.New()
	store := checkpoint.New(mem, nil)
	for i := range n {
		if _, err := store.Rewind(t.Context(), fmt.Sprintf("k%03d", i), at(1), checkpoint.UpdatedAt(time.Now().Add(-time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
	return mem
}

// TestDamagedHistoryIsOfItsRow: the other keys have their rows and states.
func TestDamagedHistoryIsOfItsRow(t *testing.T) {
	rows, err := watch.Rules{}.Snapshot(t.Context(), checkpoint.New(torn{rewound(t, 2), "k000"}, nil), "*")
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if r := rows[0]; r.State != watch.Damaged || !strings.Contains(r.Why, `an entry of "k000"`) || !errors.Is(r.Err, checkpoint.ErrCorruptHistory) {
		t.Errorf("the key with the damaged entry: %s: %q, %v", r.State, r.Why, r.Err)
	}
	if r := rows[1]; r.State != watch.Rewound || r.Err != nil {
		t.Errorf("the other key: %s: %q, %v", r.State, r.Why, r.Err)
	}
}

// TestManyRewoundKeys: a rewind of all keys shows at each of them.
func TestManyRewoundKeys(t *testing.T) {
	const n = 501
	rows, err := watch.Rules{}.Snapshot(t.Context(), checkpoint.New(rewound(t, n), nil), "*")
	if count := watch.Count(rows); err != nil || count[watch.Rewound] != n {
		t.Errorf("of %d rewound keys: %v, %v", n, count, err)
	}
}
