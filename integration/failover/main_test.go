package failover

import (
	"context"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

var failovers = flag.Int("failovers", 8, "how often each topology fails over")

// patience is how long to wait for what is sure to happen.
const patience = 60 * time.Second

// silent keeps go-redis' reports of failures that are made on purpose out of the
// output.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	flag.Parse()
	os.Exit(m.Run())
}

func until(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("after %v it is still not so that %s", patience, what)
		}
	}
}
