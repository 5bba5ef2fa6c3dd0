package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/demo"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
)

// demoChildName starts the processes of the demo. People never type it.
const demoChildName = "demo-process"

func (a *app) demo() *cobra.Command {
	config := demo.Config{Stdout: a.stdout, Stderr: a.stderr}
	cmd := &cobra.Command{
		Use:     "demo",
		GroupID: groupMore,
		Short:   "Show, with real processes, that no event is skipped",
		Long: `Writes a log of orders and starts two consumers of it, as processes of their own. One
keeps its position as most people do, by a plain SET of the position that it has read.
The other keeps it by checkpoint. The demo does the same to both. It kills the instance
at work with SIGKILL in mid-flight, another instance goes on, and the first one wakes up
and writes an old position. Then the demo compares the effects with the log, event by
event. It shows how many events each consumer skipped and repeated, and by how much its
position went back. The exit code is 1 if the consumer that keeps its position by
checkpoint skipped an event.

An event is done when its effect is written to a file. The effect outlives the process,
as the demo shows. It may not outlive a crash of the machine: for that, sync the file.

NO_COLOR turns colours off.

Without --store the checkpoints are in ./checkpoints.db, under keys that begin with
"demo/". The demo touches no other key.`,
		Example: `  checkpoint demo
  checkpoint demo --store redis://127.0.0.1:6379`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			config.Store = a.storeName()
			config.Shown = a.shownOption()
			config.Program = programName(self)
			config.Command = []string{self, demoChildName}
			config.Open = func(ctx context.Context, url string) (*checkpoint.Store, error) {
				return a.open(ctx, cmd, url, true)
			}
			if config.Events < 100 {
				return usageError{cmd.CommandPath(), fmt.Errorf("--events is %d, want at least 100", config.Events)}
			}
			return demo.Run(cmd.Context(), config)
		},
	}
	cmd.Flags().IntVar(&config.Events, "events", 300_000, "how many events the log has, at least 100")
	cmd.Flags().StringVar(&config.Dir, "dir", "", "keep the log and the effects in this folder (default: a temporary folder)")
	return cmd
}

// shownOption is the flag that makes another command use the same store. A URL with
// a password is better left in the environment.
func (a *app) shownOption() string {
	if a.storeURL == "" || engine.HasPassword(a.storeURL) {
		return ""
	}
	return "--store '" + a.storeURL + "'"
}

// programName is what to type to run this program.
func programName(self string) string {
	if strings.Contains(self, "go-build") {
		return "go run ./cmd/checkpoint"
	}
	return "checkpoint"
}

func (a *app) demoChild() *cobra.Command {
	return &cobra.Command{
		Use:    demoChildName + " TASK",
		Hidden: true,
		Args:   usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if os.Getenv(storeVariable) == "" {
				return usageError{cmd.CommandPath(), errors.New("the demo starts this by itself")}
			}
			store, err := a.open(cmd.Context(), cmd, a.storeName(), true)
			if err != nil {
				return err
			}
			err = demo.RunChild(cmd.Context(), store, args[0], a.stdin, a.stdout)
			return errors.Join(err, store.Close())
		},
	}
}
