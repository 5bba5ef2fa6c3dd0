package cli

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/mcp"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
)

// callTimeout is how long an assistant's call takes at most. Most assistants wait for a
// minute.
const callTimeout = 30 * time.Second

func (a *app) mcp() *cobra.Command {
	return &cobra.Command{
		Use:     "mcp",
		GroupID: groupMore,
		Short:   "Answer an assistant's questions about a store",
		Long: `Serves the Model Context Protocol on stdin and stdout, until stdin ends. An assistant
starts the command, and answers "what is stuck?" with the tools of the command:

  status   what "checkpoint status -o json" prints, the worst first
  list     what "checkpoint list -o json" prints
  history  what "checkpoint history -o json" prints of a key
  doctor   what "checkpoint doctor -o json" prints

No tool changes anything. Unless the assistant asks for more, status and list return 100
rows, and history 20. history returns 256 at most, and every other tool 500. Each answer
says how many rows were left out. Each call opens the store anew, so the command starts
without the store. A call takes ` + callTimeout.String() + ` at most, or --timeout.

Put a URL with a password into CHECKPOINT_STORE. No tool shows the password.
docs/operating.md has the settings of an assistant.`,
		Example:           "  checkpoint mcp --store 'redis://127.0.0.1:6379/0?namespace=prod:'",
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, cancel, err := a.within(cmd.Context(), cmd, callTimeout)
			if err != nil {
				return err
			}
			cancel()
			logger, err := a.logger(cmd)
			if err != nil {
				return err
			}
			if output.IsTerminal(a.stdin) {
				a.note("an assistant starts this command; it waits for messages on stdin, and Ctrl-D ends it")
			}
			return mcp.Serve(cmd.Context(), a.source(cmd, logger), version(), a.stdin, a.stdout)
		},
	}
}

// source is the store as the tools of an assistant see it.
func (a *app) source(cmd *cobra.Command, logger *slog.Logger) mcp.Source {
	return mcp.Source{
		Read: func(ctx context.Context, f func(context.Context, *checkpoint.Store) error) error {
			return a.read(ctx, cmd, logger, f)
		},
		Doctor: func(ctx context.Context) ([]doctor.Line, error) {
			limited, cancel, err := a.within(ctx, cmd, callTimeout)
			if err != nil {
				return nil, err
			}
			defer cancel()
			var lines []doctor.Line
			err = a.examine(limited, cmd, a.report(ctx, func(l doctor.Line) error {
				lines = append(lines, l)
				return nil
			}))
			return lines, err
		},
		Explain: func(ctx context.Context, err error) string { return a.withoutPassword(a.explain(ctx, err)) },
	}
}

// read runs a job that can change nothing.
func (a *app) read(ctx context.Context, cmd *cobra.Command, logger *slog.Logger, f job) error {
	ctx, cancel, err := a.within(ctx, cmd, callTimeout)
	if err != nil {
		return err
	}
	defer cancel()
	d, err := a.engines.Open(ctx, a.storeName(), false, logger)
	if err != nil {
		return a.opening(ctx, cmd, a.storeName(), err)
	}
	store := checkpoint.New(engine.ReadOnly(d), &checkpoint.Options{Logger: logger})
	err = f(ctx, store)
	return errors.Join(err, store.Close())
}
