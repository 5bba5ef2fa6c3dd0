package benchtest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// AppendFsync measures how many times a second one writer can append a page to a
// file in dir and make it durable. No store can make single durable writes
// faster.
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
