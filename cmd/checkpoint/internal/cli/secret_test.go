package cli_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/cli"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// TestURLAsArgument: a URL that somebody gives as a key by mistake keeps its password out of
// notes and errors, however they quote it.
func TestURLAsArgument(t *testing.T) {
	for _, url := range []string{"redis://:open-sesame@h:1/0", `redis://:pa"open-sesame@h:1/0`, `redis://:pa\open-sesame@h:1/0`} {
		for _, args := range [][]string{
			{"get", url},
			{"pause", url, "--reason", "x"},
			{"resume", url},
			{"clear", url},
			{"clear", url, "--yes", "--fence"},
			{"set", url, "1", "--fence"},
			{"set", url, "1", "--epoch", "9"},
			{"rewind", url, "1"},
			{"delete", url},
			{"delete", url, "--fence"},
			{"fence", url},
			{"undo", url},
			{"group", "drain", "g", url},
			{"history", url},
			{"set", url, "1", "--log-level", "debug"},
			{"set", url, "1", "--log-level", "debug", "--log-format", "json"},
			{url},
		} {
			mem := memstore.New()
			if lease, err := checkpoint.New(mem, nil).Acquire(t.Context(), url, "worker", 1e12); err != nil {
				t.Fatal(err)
			} else if err := checkpoint.New(mem, nil).Set(t.Context(), url, checkpoint.Position{Commit: 5, Prepare: 5}, checkpoint.Epoch(lease.Epoch)); err != nil {
				t.Fatal(err)
			}
			stored := engine.Table{{
				Name: "Memory", Prefixes: []string{"memory:"},
				Open: func(context.Context, string, bool, *slog.Logger) (driver.Driver, error) { return mem, nil },
			}}
			empty := engine.Table{{
				Name: "Memory", Prefixes: []string{"memory:"},
				Open: func(context.Context, string, bool, *slog.Logger) (driver.Driver, error) { return memstore.New(), nil },
			}}
			for _, table := range []engine.Table{stored, empty} {
				var stderr strings.Builder
				all := append([]string{"--store", "memory:"}, args...)
				cli.Run(t.Context(), table, all, strings.NewReader(""), new(strings.Builder), &stderr)
				if strings.Contains(stderr.String(), "open-sesame") {
					t.Errorf("%q says %s", args, stderr.String())
				}
			}
		}
	}
}
