package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

// writeFlags are the flags of a write.
type writeFlags struct {
	ttl   durationFlag
	epoch uint64
	logID string
}

func (w *writeFlags) register(cmd *cobra.Command) {
	cmd.Flags().Var(&w.ttl, "ttl", "expire the checkpoint after this time, such as 30d or 12h; without it: never, whatever was set before")
	cmd.Flags().Uint64Var(&w.epoch, "epoch", 0, "write with this epoch: refused (exit code 5) if the key has seen a higher epoch")
	cmd.Flags().StringVar(&w.logID, "log-id", "", "store this id of the log with the position; without it: the stored id stays")
}

func (w *writeFlags) options() []checkpoint.WriteOption {
	opts := []checkpoint.WriteOption{checkpoint.TTL(time.Duration(w.ttl)), checkpoint.LogID(w.logID)}
	if w.epoch != 0 {
		opts = append(opts, checkpoint.Epoch(w.epoch))
	}
	return opts
}

func (w *writeFlags) check() error {
	if err := cmp.Or(checkTTL(w.ttl), transfer.CheckEpoch("--epoch", w.epoch)); err != nil {
		return err
	}
	if err := checkpoint.ValidateLogID(w.logID); err != nil {
		return fmt.Errorf("--log-id: %w", err)
	}
	return nil
}

func checkTTL(ttl durationFlag) error {
	if ttl < 0 {
		return fmt.Errorf("--ttl is %v, it must not be negative", time.Duration(ttl))
	}
	return nil
}

// A write is a command that stores a position at a key.
type write struct {
	use, short, long, example string
	create                    bool
	do                        func(context.Context, *checkpoint.Store, string, checkpoint.Position, *writeFlags) error
}

func (a *app) writeCommand(w write) *cobra.Command {
	var flags writeFlags
	cmd := &cobra.Command{
		Use:               w.use,
		GroupID:           groupOne,
		Short:             w.short,
		Long:              w.long,
		Example:           w.example,
		Args:              keyArgs(cobra.ExactArgs(2), 1),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := checkpoint.ParsePosition(args[1])
			if err = cmp.Or(err, flags.check()); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			return a.run(cmd, with{create: w.create, audited: true}, func(ctx context.Context, store *checkpoint.Store) error {
				return w.do(ctx, store, args[0], p, &flags)
			})
		},
	}
	flags.register(cmd)
	return cmd
}

func (a *app) set() *cobra.Command {
	var fence bool
	cmd := a.writeCommand(write{
		use:   "set KEY POSITION",
		short: "Store a position, whatever is there",
		long: `Stores POSITION at KEY, whatever is there: it replaces a newer position, too, and a
damaged checkpoint. A running consumer goes on writing, and may overwrite POSITION at
once. --fence raises the key's epoch in the same step: a consumer that writes with an
older epoch then fails its next write.`,
		example: `  checkpoint set order-processor C:1200/P:1180
  checkpoint set order-processor 1200 --fence`,
		create: true,
		do: func(ctx context.Context, store *checkpoint.Store, key string, p checkpoint.Position, flags *writeFlags) error {
			before, err := stand(ctx, store, key)
			if err != nil {
				return err
			}
			if fence {
				c, err := a.rewindTo(ctx, store, rewind.StepOf(before.Cell, rewind.To(p)), flags.options())
				if err != nil {
					return err
				}
				return a.printOne(c)
			}
			if err := store.Set(ctx, key, p, flags.options()...); err != nil {
				return a.changeError(err, changed, byHistory)
			}
			a.noteAfterSet(&before, p, flags.epoch)
			return a.printStored(ctx, store, key)
		},
	})
	cmd.Flags().BoolVar(&fence, "fence", false, "also raise the key's epoch, which locks out consumers that write with an older one")
	return cmd
}

// noteAfterSet names the writers that a set leaves at work, or locks out.
func (a *app) noteAfterSet(before *standing, p checkpoint.Position, epoch uint64) {
	switch ended := before.raisedBy(epoch, true); {
	case ended != "":
		a.note("%s", ended)
	case before.held():
		a.note("%s, goes on writing and may overwrite the position; --fence locks it out", before.holder())
	case before.unfenced() && p.Compare(before.Checkpoint.Position) < 0:
		a.note("a consumer that runs without a lease undoes the change with its next write; stop it, then set the position again")
	}
}

func (a *app) advance() *cobra.Command {
	return a.writeCommand(write{
		use:   "advance KEY POSITION",
		short: "Store a position unless a newer one is there",
		long: `Stores POSITION at KEY in one atomic step, unless a newer position is there. A newer
position stays, and the exit code is 4.`,
		example: "  checkpoint advance order-processor C:1200/P:1180",
		create:  true,
		do: func(ctx context.Context, store *checkpoint.Store, key string, p checkpoint.Position, flags *writeFlags) error {
			var before standing
			if flags.epoch != 0 {
				var err error
				if before, err = stand(ctx, store, key); err != nil {
					return err
				}
			}
			updated, err := store.SetIfNewer(ctx, key, p, append(flags.options(), checkpoint.By(actor(), a.reason))...)
			if err != nil {
				return a.changeError(err, changed, byHistory)
			}
			if ended := before.raisedBy(flags.epoch, updated); ended != "" {
				a.note("%s", ended)
			}
			if !updated {
				stale := fmt.Errorf("%w position: %q is already past %s, and stays there", errStale, key, p)
				return cmp.Or(a.printBack(ctx, store, key, "a newer position is there, and reading it failed: "), stale)
			}
			return a.printStored(ctx, store, key)
		},
	})
}

// printStored prints what is stored after a write. If somebody has removed it since, it
// prints nothing: the write did not fail.
func (a *app) printStored(ctx context.Context, store *checkpoint.Store, key string) error {
	return a.printBack(ctx, store, key, "the change was made, and reading it back failed: ")
}

func (a *app) printBack(ctx context.Context, store *checkpoint.Store, key, failed string) error {
	c, err := store.Get(ctx, key)
	if errors.Is(err, checkpoint.ErrNotFound) {
		return nil
	}
	if err != nil {
		return partError{before: failed, err: err}
	}
	return a.printOne(c)
}

func (a *app) touch() *cobra.Command {
	var ttl durationFlag
	cmd := &cobra.Command{
		Use:     "touch KEY --ttl DURATION",
		GroupID: groupOne,
		Short:   "Change when a checkpoint expires, and keep its position",
		Long: `Makes the checkpoint at KEY expire --ttl from now. With --ttl 0 it never expires.
Its position stays as it is. The exit code is 3 if there is no checkpoint.`,
		Example:           "  checkpoint touch order-processor --ttl 30d",
		Args:              keyArgs(cobra.ExactArgs(1), 1),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("ttl") {
				return usageError{cmd.CommandPath(), errors.New("--ttl is missing: give a duration such as 30d, or 0 for never")}
			}
			if err := checkTTL(ttl); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			return a.run(cmd, with{}, func(ctx context.Context, store *checkpoint.Store) error {
				if err := store.Touch(ctx, args[0], time.Duration(ttl)); err != nil {
					return a.changeError(err, changed, byGet)
				}
				return a.printStored(ctx, store, args[0])
			})
		},
	}
	cmd.Flags().Var(&ttl, "ttl", "expire the checkpoint after this time, such as 30d or 12h; 0: never")
	return cmd
}
