package metrics

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// TestPromtool has Prometheus's own tool check the rules and run their tests.
func TestPromtool(t *testing.T) {
	promtool := servertest.Program(t, "PROMTOOL_SERVER", "prometheus", "promtool")
	docs := filepath.Join("..", "..", "docs")
	for _, args := range [][]string{
		{"check", "rules", "--lint-fatal", filepath.Join(docs, "alerts.yml")},
		{"test", "rules", filepath.Join(docs, "alerts_test.yml")},
	} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
}
