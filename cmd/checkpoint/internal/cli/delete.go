package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
)

func (a *app) deleteCommand() *cobra.Command {
	var fence bool
	cmd := &cobra.Command{
		Use:     "delete KEY...",
		GroupID: groupOne,
		Short:   "Remove checkpoints by their keys",
		Long: `Removes the checkpoint at each KEY, damaged or not. If a KEY has no checkpoint, the
others are removed all the same, and the exit code is 3. Each key keeps the highest
epoch that it has seen: a consumer that was locked out stays locked out.

A running consumer goes on writing, and so stores the checkpoint again. --fence raises
the key's epoch first: a consumer that writes with an older epoch then fails its next
write. First stop a consumer that writes without an epoch.`,
		Example: `  checkpoint delete order-processor
  checkpoint delete order-processor --fence`,
		Args:              keyArgs(cobra.MinimumNArgs(1), -1),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, with{audited: true}, func(ctx context.Context, store *checkpoint.Store) error {
				return a.deleteAll(ctx, store, args, fence)
			})
		},
	}
	cmd.Flags().BoolVar(&fence, "fence", false, "also raise the key's epoch, which locks out consumers that write with an older one")
	return cmd
}

func (a *app) deleteAll(ctx context.Context, store *checkpoint.Store, keys []string, fence bool) error {
	removed := 0
	var missing error
	for _, key := range keys {
		err := a.deleteOne(ctx, store, key, fence)
		switch {
		case err == nil:
			removed++
		case errors.Is(err, checkpoint.ErrNotFound):
			missing = errors.Join(missing, err)
		default: // without the missing ones: a store that fails must not look like an empty one
			if missing != nil {
				a.note("%v", oneLine(missing))
			}
			if removed > 0 {
				return partError{before: atLeast(err) + counted(removed, "checkpoint was", "checkpoints were") + " removed, then: ", err: err}
			}
			return err
		}
	}
	return missing
}

func (a *app) deleteOne(ctx context.Context, store *checkpoint.Store, key string, fence bool) error {
	before, err := stand(ctx, store, key)
	if err != nil {
		return err
	}
	if !before.Checkpoint.Exists {
		return a.missing(key, "")
	}
	raised := ""
	if fence {
		n, err := store.Fence(ctx, key, 0)
		if err != nil {
			return a.changeError(err, fmt.Sprintf("the fence of %q may have been raised", key), byHistory)
		}
		if n > 0 {
			raised = fmt.Sprintf("the fence of %q was raised to %d, then: ", key, n)
		}
	}
	if err := store.Delete(ctx, key); err != nil {
		err = a.changeError(err, fmt.Sprintf("%q may have been removed", key), byHistory)
		if raised != "" {
			return partError{before: raised, err: err}
		}
		return err
	}
	switch out := before.lockedOut(); {
	case before.unfenced():
		a.note("a consumer of %q that runs without a lease stores the checkpoint again with its next write; stop it, then delete again", key)
	case fence && out != "":
		a.note("%q is removed; %s", key, out)
	case before.held():
		a.note("%s, goes on writing and stores the checkpoint %q again; --fence locks it out", before.holder(), key)
	}
	return nil
}
