package cli_test

import (
	"os/exec"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/doctortest"
	"github.com/checkpointstore/checkpoint/internal/servertest"
)

func examine(t *testing.T, url string, args ...string) []doctortest.Finding {
	t.Helper()
	return doctortest.Examine(t, "checkpoint", url, args...)
}

func run(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "checkpoint", args...)
	servertest.DieWithParent(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("checkpoint %q: %v: %s", args, err, out)
	}
}
