package sqlitestore

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
)

// TestDurabilitySettings checks what an acknowledged write rests on where the
// machine itself crashes, which no test here can make it do.
func TestDurabilitySettings(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "checkpoints.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for pragma, want := range map[string]string{
		"journal_mode":         "wal",
		"synchronous":          "2", // FULL: every commit waits for the disk
		"fullfsync":            "1", // on macOS: for the disk itself, not for its cache
		"checkpoint_fullfsync": "1",
	} {
		for name, on := range map[string]interface {
			QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
		}{"writer": d.writer.db, "first connection": d.first.conn} {
			var got string
			if err := on.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s of the %s is %q, %v; want %q", pragma, name, got, err, want)
			}
		}
	}
}
