package histories

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
	"github.com/rs/zerolog"

	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

var (
	rounds = flag.Int("rounds", 2, "how often each engine meets every fault")
	seed   = flag.Uint64("seed", 0, "repeats what clients and faults choose; zero chooses anew")
)

// envFile makes the test binary a process that serves this SQLite file.
const envFile = "CHECKPOINT_TEST_FILE"

func TestMain(m *testing.M) {
	if path, ok := os.LookupEnv(envFile); ok {
		if err := serve(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Connections fail all the time, and are meant to.
	logging.Disable()
	zerolog.SetGlobalLevel(zerolog.Disabled)
	// The tests wait most of the time, also on a machine with two cores.
	flag.Parse()
	if n := flag.Lookup("test.parallel"); n.Value.String() == n.DefValue {
		_ = n.Value.Set("8")
	}
	os.Exit(leaktest.Check(m, etcdtest.Leftovers...).Run())
}
