package sqlitestore_test

import (
	"path/filepath"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/benchtest"
	"github.com/checkpointstore/checkpoint/storetest"
)

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(tb testing.TB) driver.Driver {
		tb.Helper()
		return openAt(tb, filepath.Join(tb.TempDir(), "checkpoints.db"))
	})
}

// BenchmarkAppendFsync is the limit of a single durable write. No change of the
// store changes it: it shows what else the machine has to do.
func BenchmarkAppendFsync(b *testing.B) { benchtest.AppendFsync(b, b.TempDir()) }
