package groups

import (
	"flag"
	"os"
	"testing"

	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/integration/internal/process"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
)

var (
	rounds = flag.Int("rounds", 2, "how often the members of a group are attacked")
	seed   = flag.Uint64("seed", 0, "repeats a run; zero chooses")
)

func TestMain(m *testing.M) {
	process.Be(live)
	os.Exit(leaktest.Check(pgtest.Sharing(m), etcdtest.Leftovers...).Run())
}
