package suspend

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

var rounds = flag.Int("rounds", 100, "how often a process that holds a lease is stopped")

// envTask makes the test binary a consumer, and says what it is to do.
const envTask = "CHECKPOINT_TEST_TASK"

func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(envTask); ok {
		if err := beConsumer(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// The tests wait most of the time, also on a machine with two cores.
	flag.Parse()
	if n := flag.Lookup("test.parallel"); n.Value.String() == n.DefValue {
		_ = n.Value.Set(strconv.Itoa(pairs))
	}
	os.Exit(leaktest.Check(m).Run())
}

func beConsumer(text string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	return consume(ctx, t)
}
