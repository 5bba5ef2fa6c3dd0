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
consumer stores the position that it has read by a plain SET, as most people do. The
other consumer uses checkpoint. The demo does the same to both. It kills an instance
with SIGKILL in the middle of its work, and another instance goes on. Then it starts an
instance that acts as if it had only hung: it writes an old position. After that, four
instances of a third consumer share the partitions of a log out. The demo kills one
of them and adds another, and shows which instance has which partitions. At the end the
demo compares the effects with the logs, event by event. It shows how many events each
consumer skipped and repeated, and by how much its position went back. The exit code
is 1 if a consumer that uses checkpoint skipped an event.

An event is done when its effect is written to a file. The effect outlives the process,
as the demo shows. A crash of the machine may lose it: the demo does not sync the file.

NO_COLOR turns colours off.

The checkpoints are in the store that --store or CHECKPOINT_STORE names, otherwise in
./checkpoints.db. Their keys begin with "demo/". The demo touches no other checkpoint.
"checkpoint group list" shows the group of the demo for 30 days.`,
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
