package command

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/doctortest"
	"github.com/checkpointstore/checkpoint/internal/servertest"
)

func examine(t *testing.T, url string, args ...string) []doctortest.Finding {
	t.Helper()
	return doctortest.Examine(t, filepath.Join(program, "checkpoint"), url, args...)
}

func must(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(program, "checkpoint"), args...)
	servertest.DieWithParent(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("checkpoint %q: %v: %s", args, err, out)
	}
}
