package benchtest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// AppendFsync measures how often a second one writer appends a page to a file in
// dir, and makes it durable. It is the limit of single durable writes.
func AppendFsync(b *testing.B, dir string) {
	b.Helper()
	f, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := bytes.Repeat([]byte{'.'}, 4096)
	b.ResetTimer()
	for range b.N {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	Rate(b, b.N)
}
