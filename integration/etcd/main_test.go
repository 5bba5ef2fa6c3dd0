package etcd

import (
	"flag"
	"os"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

func TestMain(m *testing.M) {
	// etcd's leases last for seconds. The tests that wait for one wait together.
	if err := flag.Set("test.parallel", "32"); err != nil {
		panic(err)
	}
	// Toxiproxy leaves a goroutine where a connection ends while it is cut. The server
	// of etcd leaves some when it stops.
	os.Exit(leaktest.Check(m, "Shopify/toxiproxy", "etcd/server/v3").Run())
}
