package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

func (a *app) fence() *cobra.Command {
	var atLeast uint64
	cmd := &cobra.Command{
		Use:     "fence KEY",
		GroupID: groupOne,
		Short:   "Lock out the writer of a checkpoint, or repair its fence",
		Long: `Raises the fence of KEY above every epoch that is stored for KEY, and ends the key's
lease. The fence is the highest epoch that the key has seen. A consumer that writes
with an older epoch fails its next write. A consumer that writes without an epoch goes
on: stop it. The position stays. Prints the new fence. If KEY has seen no epoch, the
command changes nothing and prints 0, unless --at-least is given.

The command also repairs a damaged fence or lease. For a damaged fence, give the
highest epoch that was in use as --at-least: a lower one lets a former owner write
again. The exit code is 3 if nothing is stored for KEY, unless --at-least is given.`,
		Example: `  checkpoint fence order-processor
  checkpoint fence order-processor --at-least 12`,
		Args:              keyArgs(cobra.ExactArgs(1), 1),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := transfer.CheckEpoch("--at-least", atLeast); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			return a.run(cmd, with{audited: true}, func(ctx context.Context, store *checkpoint.Store) error {
				before, err := stand(ctx, store, args[0])
				if err != nil {
					return err
				}
				if !before.Holds() && atLeast == 0 {
					return a.missing(args[0], "")
				}
				return a.raiseFence(&before, func() (uint64, error) { return store.Fence(ctx, args[0], atLeast) })
			})
		},
	}
	cmd.Flags().Uint64Var(&atLeast, "at-least", 0, "raise the fence to this epoch or above")
	return cmd
}

// raiseFence raises the fence of a key, and says what that did.
func (a *app) raiseFence(before *standing, raise func() (uint64, error)) error {
	key := before.Key
	raised, err := raise()
	if err != nil {
		return a.changeError(err, changed, byHistory)
	}
	switch {
	case before.Fence.Err != nil:
		a.note("%q had a damaged fence, and has epoch %d now", key, raised)
	case raised == 0:
		a.note("%q was written without an epoch: no fence locks out its consumer; stop it", key)
	default:
		a.note("the fence of %q went from %d to %d", key, before.Fence.Epoch, raised)
	}
	switch out := before.lockedOut(); {
	case out == "":
	case before.held():
		a.note("%s", out)
	default: // --at-least may have raised the fence by more than one
		a.note("the fence locks out every writer with an epoch below %d", raised)
	}
	_, err = fmt.Fprintln(a.stdout, raised)
	return err
}
