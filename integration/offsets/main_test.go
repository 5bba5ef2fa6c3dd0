package offsets

import (
	"os"
	"testing"

	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
)

func TestMain(m *testing.M) {
	os.Exit(leaktest.Check(pgtest.Sharing(m), etcdtest.Leftovers...).Run())
}
