package etcdstore

import (
	"os"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

// The tests that need members of etcd are in integration/etcd.
func TestMain(m *testing.M) { os.Exit(leaktest.Check(m).Run()) }
