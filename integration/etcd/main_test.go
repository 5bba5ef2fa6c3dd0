package etcd

import (
	"flag"
	"os"
	"testing"

	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

func TestMain(m *testing.M) {
	// etcd's leases last for seconds. The tests that wait for one wait together.
	if err := flag.Set("test.parallel", "32"); err != nil {
		panic(err)
	}
	os.Exit(leaktest.Check(m, etcdtest.Leftovers...).Run())
}
