package offsets

import (
	"os"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
)

// The server of etcd leaves goroutines when it stops.
func TestMain(m *testing.M) {
	os.Exit(leaktest.Check(pgtest.Sharing(m), "etcd/server/v3").Run())
}
