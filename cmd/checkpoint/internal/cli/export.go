package cli

import (
	"bufio"
	"context"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
)

func (a *app) export() *cobra.Command {
	return &cobra.Command{
		Use:     "export [PATTERN]",
		GroupID: groupMany,
		Short:   "Write checkpoints to stdout as JSON Lines",
		Long: `Writes the checkpoints whose keys match PATTERN to stdout, one JSON object a line,
with numbers as strings. Without PATTERN, writes all checkpoints. "checkpoint import"
reads this output. The command reports damaged checkpoints, fences and leases on stderr,
says what is wrong with each, and ends with exit code 1.`,
		Example:           "  checkpoint export > backup.jsonl",
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, with{walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				w := bufio.NewWriter(a.stdout)
				p, err := output.New(w, "json")
				if err != nil {
					return err
				}
				_, found, err := a.printAll(ctx, store, patternOf(args), p)
				// Of a damaged file, what was read before the damage counts.
				if flushed := w.Flush(); err == nil {
					err = flushed
				}
				if err != nil {
					return err
				}
				return found.err()
			})
		},
	}
}
