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
	// The tests wait most of the time, also on a machine with two cores.
	flag.Parse()
	if n := flag.Lookup("test.parallel"); n.Value.String() == n.DefValue {
		_ = n.Value.Set("4")
	}
	os.Exit(leaktest.Check(pgtest.Sharing(m), etcdtest.Leftovers...).Run())
}
