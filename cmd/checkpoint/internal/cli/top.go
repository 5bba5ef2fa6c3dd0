package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/top"
)

func (a *app) top() *cobra.Command {
	var look look
	var write bool
	cmd := &cobra.Command{
		Use:     "top [PATTERN]",
		GroupID: groupMany,
		Short:   "Watch the consumers on a live screen",
		Long: `Shows on a screen what "checkpoint status" prints, and keeps it up to date: the worst first,
with the pace of each position over the last reads. Enter shows all that is known of a key: its
instances, its lease, who changed it by hand, and where it stood. m shows the groups, and which
member holds which partitions. "?" explains the keys.

The command reads the store once in each --interval. If the store is slow or fails, the rows stay,
are marked as old, and the screen says why. --timeout limits each read and each change (default
1m).

With --write, R rewinds the selected key, and U undoes its last change by hand, except a
deletion: "checkpoint undo" does that. The screen shows what is done again, what would be
skipped, and who is locked out. You type the key, and a reason. If somebody has rewound the
key or taken its lease over since, nothing is changed.

Without a terminal, or on one that only writes lines (TERM=dumb), the command does what
"checkpoint status --watch" does.`,
		Example: `  checkpoint top
  checkpoint top 'orders/*' --sort lag
  checkpoint top --write`,
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := look.check(cmd); err != nil {
				return err
			}
			if a.hasScreen() && a.logLevel != "off" && output.IsTerminal(a.stderr) {
				return usageError{cmd.CommandPath(), errors.New("the log would stand on the screen: send stderr to a file")}
			}
			if !a.hasScreen() {
				return a.watchStatus(cmd, patternOf(args), look)
			}
			return a.keepOpen(cmd, func(ctx context.Context, store *checkpoint.Store) error {
				return top.Run(ctx, a.stdin, a.stdout, top.Options{
					Store: store, Name: engine.Redact(a.storeName()), Pattern: patternOf(args), Rules: look.rules, Sort: look.sort, Interval: look.every,
					Write: write, Actor: actor(), Reason: a.reason,
					Limit: a.limitRead, Explain: func(err error) string { return a.explain(ctx, err) },
				})
			})
		},
	}
	look.register(cmd)
	cmd.Flags().BoolVar(&write, "write", false, "let R rewind a key, and U undo its last change by hand")
	return cmd
}

// hasScreen reports whether there is a terminal to draw on.
func (a *app) hasScreen() bool {
	return output.IsTerminal(a.stdin) && output.IsTerminal(a.stdout) && !isDumb()
}
