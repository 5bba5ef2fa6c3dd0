package sqlitestore_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/checkpointstore/checkpoint"
)

// TestFileOfTheFirstSchema opens a file without a column for the log.
func TestFileOfTheFirstSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	schema, err := os.ReadFile("schema1.sql")
	if err != nil {
		t.Fatal(err)
	}
	old, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"PRAGMA journal_mode = WAL",
		string(schema),
		"INSERT INTO checkpoints VALUES ('k', '00000000000000000012', '00000000000000000034', '2020-01-01T00:00:00.000Z', NULL, NULL)",
		"PRAGMA application_id = 1131106420; PRAGMA user_version = 1",
	} {
		if _, err := old.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(openAt(t, path), nil)
	ctx := context.Background()
	want := checkpoint.Position{Commit: 12, Prepare: 34}
	if cp, err := store.Get(ctx, "k"); err != nil || cp.Position != want || cp.LogID != "" {
		t.Errorf("Get = %+v, %v; want %s and no log", cp, err, want)
	}
	if _, err := store.SetIfNewer(ctx, "k", want, checkpoint.LogID("a")); err != nil {
		t.Fatal(err)
	}
	if cp, err := store.Get(ctx, "k"); err != nil || cp.LogID != "a" {
		t.Errorf("Get = %+v, %v; want log a", cp, err)
	}
}
