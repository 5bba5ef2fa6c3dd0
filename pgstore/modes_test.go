package pgstore_test

import (
	"database/sql"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// pgx sends statements in five ways. A pool of the caller may use any of them.
func TestModesOfPgx(t *testing.T) {
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			url := newDatabase(t) + "&default_query_exec_mode=" + mode
			pool := newPool(t, url)
			d, err := pgstore.New(pool, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			everyCall(t, checkpoint.New(d, nil), `it's "k" \ {`)
			on, err := pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer on.Rollback(t.Context())
			within := storeOn(t, on)
			if updated, err := within.SetIfNewer(t.Context(), "tx", checkpoint.Position{Commit: 1}, checkpoint.Epoch(1)); err != nil || !updated {
				t.Errorf("SetIfNewer on a transaction: %t, %v", updated, err)
			}
			db, err := sql.Open("pgx", url)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			onSQL, err := pgstore.OnSQLTx(tx, nil)
			if err != nil {
				t.Fatal(err)
			}
			if updated, err := checkpoint.New(onSQL, nil).SetIfNewer(t.Context(), "sql", checkpoint.Position{Commit: 1}, checkpoint.Epoch(1)); err != nil || !updated {
				t.Errorf("SetIfNewer on a transaction of database/sql: %t, %v", updated, err)
			}
		})
	}
}

// everyCall makes one call of each kind, and wants each to have its effect.
func everyCall(t *testing.T, store *checkpoint.Store, key string) {
	t.Helper()
	ctx := t.Context()
	l, err := store.Acquire(ctx, key, "a", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Renew(ctx, l, time.Hour); err != nil {
		t.Error(err)
	}
	p := checkpoint.Position{Commit: 1 << 63, Prepare: 1<<64 - 1}
	if updated, err := store.SetIfNewer(ctx, key, p, checkpoint.Epoch(l.Epoch), checkpoint.LogID("a log")); err != nil || !updated {
		t.Errorf("SetIfNewer: %t, %v", updated, err)
	}
	outcomes, err := store.Apply(ctx,
		checkpoint.Write{Key: key, IfNewer: true, Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: 1<<63 + 1}}},
		checkpoint.Write{Key: "other", IfNewer: true, Mark: checkpoint.Mark{Position: p}},
		checkpoint.Write{Key: "third", IfNewer: true, Mark: checkpoint.Mark{Position: p, Epoch: 1}})
	if err != nil || slices.ContainsFunc(outcomes, func(o checkpoint.Outcome) bool { return o != checkpoint.Advanced }) {
		t.Errorf("Apply: %v, %v", outcomes, err)
	}
	if err := store.Touch(ctx, key, time.Hour); err != nil {
		t.Error(err)
	}
	if cp, err := store.Get(ctx, key); err != nil || cp.Position.Commit != 1<<63+1 || cp.LogID != "a log" || cp.ExpiresAt.IsZero() {
		t.Errorf("Get: %+v, %v", cp, err)
	}
	if rewound, err := store.Rewind(ctx, key, checkpoint.Position{}); err != nil || rewound.Epoch != l.Epoch+1 {
		t.Errorf("Rewind: %+v, %v", rewound, err)
	}
	n := 0
	for _, err := range store.GetAll(ctx, "*") {
		n++
		if err != nil {
			t.Error(err)
		}
	}
	for _, err := range store.InspectAll(ctx, "*") {
		n++
		if err != nil {
			t.Error(err)
		}
	}
	if n != 6 {
		t.Errorf("GetAll and InspectAll find %d, want 3 each", n)
	}
	if err := store.Delete(ctx, key); err != nil {
		t.Error(err)
	}
	if _, err := store.Get(ctx, key); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("Get after Delete: %v", err)
	}
}
