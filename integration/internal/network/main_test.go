package network

import (
	"os"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

func TestMain(m *testing.M) {
	// Toxiproxy leaves a goroutine where a connection ends while it is cut.
	os.Exit(leaktest.Check(m, "Shopify/toxiproxy").Run())
}
