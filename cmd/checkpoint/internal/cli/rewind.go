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
		short: "Set a consumer back while it runs, and lock the running one out",
		long: `Stores POSITION at KEY, whatever is there, and in the same step raises the key's
epoch. A consumer that writes with an older epoch fails its next write, so that
it cannot undo the rewind. Start it again to go on from POSITION. One that writes
without epochs, as without a lease, is not locked out: stop it first.

Position 0 is before everything, in every log: the consumer handles all of it again.

It says on stderr where the checkpoint stood, where it stands now, and whom it locks
out. The exit code is 3 if there is no checkpoint, unless --create is given.`,
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
	cmd.Flags().BoolVar(&create, "create", false, "store a checkpoint also if there is none")
	return cmd
}

// rewindTo rewinds a key, and says what that did.
func (a *app) rewindTo(
	ctx context.Context, store *checkpoint.Store, before *standing, p checkpoint.Position, flags *writeFlags,
) error {
	key := before.Key
	c, err := store.Rewind(ctx, key, p, flags.options()...)
	if err != nil {
		return err
	}
	a.note("%q went from %s to %s", key, before.where(), place(c.Mark))
	if out := before.lockedOut(); out != "" {
		a.note("%s", out)
	}
	if before.unfenced() {
		a.note("a consumer that writes without an epoch is not locked out, and undoes this with its next write; " +
			"stop it, then rewind again")
	}
	// What is stored may have kept a log id. Whatever happens to it now, this
	// rewind is done, and its epoch is what people need.
	switch stored, err := store.Get(ctx, key); {
	case err != nil:
	case stored.Epoch == c.Epoch && stored.Position == c.Position:
		c = stored
	default:
		a.note("%q stands at %s already: somebody has written it since", key, place(stored.Mark))
	}
	return a.printOne(c)
}
