package contention

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
)

var (
	rounds = flag.Int("rounds", 100, "how often the owner of the lease is attacked")
	seed   = flag.Uint64("seed", 0, "repeats a run; zero chooses")
)

// envTask makes the test binary an instance, and says what it is to do.
const envTask = "CHECKPOINT_TEST_TASK"

func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(envTask); ok {
		if err := beInstance(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// The tests wait most of the time, also on a machine with two cores.
	flag.Parse()
	if n := flag.Lookup("test.parallel"); n.Value.String() == n.DefValue {
		_ = n.Value.Set("4")
	}
	// Toxiproxy leaves a goroutine where a connection ends while it is cut.
	os.Exit(leaktest.Check(pgtest.Sharing(m), "Shopify/toxiproxy").Run())
}

func beInstance(text string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	return consume(ctx, t)
}
