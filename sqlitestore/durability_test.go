package sqlitestore

import (
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
		"journal_mode": "wal",
		"synchronous":  "2", // FULL: every commit waits for the disk
	} {
		var got string
		if err := d.writer.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s of the writer is %q, %v; want %q", pragma, got, err, want)
		}
	}
}
