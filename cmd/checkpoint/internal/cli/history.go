package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/driver"
)

func (a *app) history() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:     "history KEY",
		GroupID: groupOne,
		Short:   "Print who changed a checkpoint, and why",
		Long: `Prints the audit entries of KEY, the latest first. Each set, rewind, delete, clear,
fence and revocation leaves an entry. So do an advance, an import, a copy and a restore
by this command, and an instance that takes the lease over from another. The store keeps
the last ` + strconv.Itoa(driver.AuditEntries) + ` entries of a key, each for 400 days at least.
If the checkpoint is deleted, the entries stay.

An entry names its actor: $` + actorVariable + `, otherwise the user and the host of the
command. --reason says why. The exit code is 3 if KEY has no entry.

"checkpoint undo" takes the number of an entry. In a pipe the columns are entry, at, op,
actor, old, new, oldEpoch, newEpoch and reason, separated by tabs; "-" stands for no value.`,
		Example: `  checkpoint rewind order-processor 0 --reason "INC-7: prices were wrong"
  checkpoint history order-processor`,
		Args:              keyArgs(cobra.ExactArgs(1), 1),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			if n < 1 {
				return usageError{cmd.CommandPath(), fmt.Errorf("--last is %d, it must be 1 or more", n)}
			}
			return a.run(cmd, with{}, func(ctx context.Context, store *checkpoint.Store) error {
				entries, err := store.History(ctx, args[0], n)
				if err != nil {
					return err
				}
				if len(entries) == 0 {
					return saidError{fmt.Sprintf("nobody has changed %q by hand", args[0]), checkpoint.ErrNotFound}
				}
				return output.History(a.stdout, a.format, entries)
			})
		},
	}
	cmd.Flags().IntVarP(&n, "last", "n", driver.AuditEntries, "print this number of entries at most")
	return cmd
}
