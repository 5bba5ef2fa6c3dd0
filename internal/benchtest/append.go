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
	durably := Appender(b, dir)
	b.ResetTimer()
	for range b.N {
		if err := durably(); err != nil {
			b.Fatal(err)
		}
	}
	Rate(b, b.N)
}

// Appender returns what appends a page to a file in dir and makes it durable.
func Appender(b *testing.B, dir string) func() error {
	b.Helper()
	f, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	page := bytes.Repeat([]byte{'.'}, 4096)
	return func() error {
		if _, err := f.Write(page); err != nil {
			return err
		}
		return f.Sync()
	}
}
