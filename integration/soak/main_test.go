package soak

import (
	"os"
	"testing"

	"github.com/checkpointstore/checkpoint/integration/internal/process"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

func TestMain(m *testing.M) {
	process.Be(serve)
	os.Exit(leaktest.Check(m).Run())
}
