package doubt_test

import (
	"os"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Check(m).Run()) }
