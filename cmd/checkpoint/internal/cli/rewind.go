package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
)

func (a *app) rewind() *cobra.Command {
	var create bool
	cmd := a.writeCommand(write{
		use:   "rewind KEY POSITION",
		short: "Set a consumer back, and lock out the instance that runs",
		long: `Stores POSITION at KEY, whatever is there, and raises the key's epoch in the same
step. A consumer that writes with an older epoch fails its next write, so it cannot
undo the rewind. Start it again to go on from POSITION. A consumer that writes without
an epoch, such as one without a lease, is not locked out: stop it first.

Position 0 is before every event in every log: the consumer handles all events again.

On stderr the command says where the checkpoint stood, where it stands now, and whom
it locks out. The exit code is 3 if there is no checkpoint, unless --create is given.`,
		example: "  checkpoint rewind order-processor 0\n  checkpoint rewind kafka/orders/3 offset:41",
		do: func(ctx context.Context, store *checkpoint.Store, key string, p checkpoint.Position, flags *writeFlags) error {
			before, err := stand(ctx, store, key)
			if err != nil {
				return err
			}
			if !before.Checkpoint.Exists && !create {
				return a.missing(key, "--create stores one")
			}
			return a.rewindTo(ctx, store, &before, p, flags)
		},
	})
	cmd.Flags().BoolVar(&create, "create", false, "store a checkpoint even if there is none")
	return cmd
}

// rewindTo rewinds a key, and says what that did.
func (a *app) rewindTo(
	ctx context.Context, store *checkpoint.Store, before *standing, p checkpoint.Position, flags *writeFlags,
) error {
	key := before.Key
	c, err := store.Rewind(ctx, key, p, a.options(flags)...)
	if err != nil {
		return err
	}
	a.note("%q went from %s to %s", key, before.where(), place(c.Mark))
	if out := before.lockedOut(); out != "" {
		a.note("%s", out)
	}
	if before.unfenced() {
		a.note("a consumer that writes without an epoch is not locked out, and undoes the change with its next write; " +
			"stop it, then rewind again")
	}
	// The stored checkpoint may have kept a log id, so read it back. If that fails, the
	// rewind is done all the same: print its own result, with the epoch that people need.
	switch stored, err := store.Get(ctx, key); {
	case err != nil:
	case stored.Epoch == c.Epoch && stored.Position == c.Position:
		c = stored
	default:
		a.note("%q is already at %s: somebody has written to it since the rewind", key, place(stored.Mark))
	}
	return a.printOne(c)
}
