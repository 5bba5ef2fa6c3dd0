package sqlitestore_test

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// TestFileMadeOfADump: the refusal says how the file becomes a store.
func TestFileMadeOfADump(t *testing.T) {
	store, path := newStore(t)
	if err := store.Set(t.Context(), "k", checkpoint.Position{Commit: 7}); err != nil {
		t.Fatal(err)
	}
	// What ".dump" writes: the schema and the rows.
	dumped := filepath.Join(t.TempDir(), "dumped.db")
	to := shell(t, dumped)
	run(t, to, "ATTACH ? AS source", path)
	var schema string
	err := to.QueryRowContext(t.Context(), "SELECT group_concat(sql, ';') FROM source.sqlite_schema WHERE sql IS NOT NULL").Scan(&schema)
	if err != nil {
		t.Fatal(err)
	}
	run(t, to, schema)
	run(t, to, "INSERT INTO main.checkpoints SELECT * FROM source.checkpoints; DETACH source")

	// Tables of another application that share the names are no dump.
	for _, others := range []string{
		"CREATE TABLE checkpoints (commit_position, prepare_position)",
		"CREATE TABLE checkpoints (key); CREATE TABLE fences (key); CREATE TABLE leases (key)",
	} {
		path := filepath.Join(t.TempDir(), "others.db")
		run(t, shell(t, path), others)
		if _, err := sqlitestore.Open(t.Context(), path, nil); !errors.Is(err, sqlitestore.ErrNotOurs) || strings.Contains(errorText(err), ".dump") {
			t.Errorf("Open of %q: %v; want ErrNotOurs, and no word of a dump", others, err)
		}
	}

	_, err = sqlitestore.Open(t.Context(), dumped, nil)
	remedy := regexp.MustCompile(`sqlite3 FILE "(.*)"`).FindStringSubmatch(errorText(err))
	if !errors.Is(err, sqlitestore.ErrNotOurs) || remedy == nil {
		t.Fatalf("Open: %v; want ErrNotOurs, and how to mark it", err)
	}
	run(t, to, remedy[1])
	if c, err := checkpoint.New(openAt(t, dumped), nil).Get(t.Context(), "k"); err != nil || c.Position.Commit != 7 {
		t.Errorf("Get of what was dumped: %v, %v", c.Position, err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestKeysInTwoNormalForms: keys are bytes. The two forms of é are two keys.
func TestKeysInTwoNormalForms(t *testing.T) {
	store, _ := newStore(t)
	if err := store.Set(t.Context(), "caf\u00e9", checkpoint.Position{Commit: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get(t.Context(), "cafe\u0301"); !isNotFound(err) {
		t.Errorf("Get of the key in the other form: %v; want ErrNotFound", err)
	}
}
