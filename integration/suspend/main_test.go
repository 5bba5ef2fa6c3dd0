package suspend

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"github.com/checkpointstore/checkpoint/integration/internal/process"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

var rounds = flag.Int("rounds", 100, "how often a process that holds a lease is stopped")

func TestMain(m *testing.M) {
	process.Be(consume)
	// The tests wait most of the time, also on a machine with two cores.
	flag.Parse()
	if n := flag.Lookup("test.parallel"); n.Value.String() == n.DefValue {
		_ = n.Value.Set(strconv.Itoa(pairs))
	}
	os.Exit(leaktest.Check(m).Run())
}
