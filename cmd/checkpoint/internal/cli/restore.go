package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint/sqlitestore"
)

func (a *app) restore() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "restore FILE",
		GroupID: groupMany,
		Short:   "Bring an SQLite store back to a copy",
		Long: `Brings the checkpoints of the store back to what they were when "checkpoint backup"
made FILE. Later writes are gone. The history, the samples and the pauses of the store
stay. Stop every process that uses the store first: otherwise the command refuses to
run. The store changes in one step, or stays as it is. On a terminal the command asks
before it changes the store.

The command ends every lease and raises every fence, so no consumer that ran before can
write with its old epoch. A consumer without a lease can still write: make sure that it
reads its position from the store when it starts. "checkpoint history KEY" shows where the
restore has moved a checkpoint.

If there is no store, the command makes one from FILE, with its history, samples and
pauses, and raises the fence of every key by 2^32.`,
		Example:           "  checkpoint restore checkpoints-monday.db",
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := a.confirm(cmd.Context(), yes || !a.hasTerminal(), "nothing was restored",
				"Replace the checkpoints of %s by those of %s? Later writes are lost.", a.shownStore(nil), args[0])
			if err != nil {
				return err
			}
			return a.withFile(cmd, func(ctx context.Context, path string) error {
				done, err := sqlitestore.Restore(ctx, path, args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.stdout, "restored %s from %s; every lease has ended, fences raised: %d\n",
					counted(done.Checkpoints, "checkpoint", "checkpoints"), args[0], done.Fences)
				return err
			})
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}
