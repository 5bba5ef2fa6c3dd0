package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
)

// writeFlags are the flags of a write.
type writeFlags struct {
	ttl   time.Duration
	epoch uint64
	logID string
}

func (w *writeFlags) register(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&w.ttl, "ttl", 0, "let it expire after this long, such as 720h; none: never, whatever was set before")
	cmd.Flags().Uint64Var(&w.epoch, "epoch", 0, "fence the write: refuse it (exit code 5) if a higher epoch was seen")
	cmd.Flags().StringVar(&w.logID, "log-id", "", "store this identity of the log with the position; none: what is stored stays")
}

func (w *writeFlags) options() []checkpoint.WriteOption {
	return []checkpoint.WriteOption{checkpoint.TTL(w.ttl), checkpoint.Epoch(w.epoch), checkpoint.LogID(w.logID)}
}

func checkTTL(ttl time.Duration) error {
	if ttl < 0 {
		return fmt.Errorf("--ttl is %v, it must not be negative", ttl)
	}
	return nil
}

func checkLogID(id string) error {
	if err := checkpoint.ValidateLogID(id); err != nil {
		return fmt.Errorf("--log-id: %w", err)
	}
	return nil
}

// A write is a command that stores a position at a key.
type write struct {
	use, short, long, example string
	create                    bool
	do                        func(context.Context, *checkpoint.Store, string, checkpoint.Position, ...checkpoint.WriteOption) error
}

func (a *app) writeCommand(w write) *cobra.Command {
	var flags writeFlags
	cmd := &cobra.Command{
		Use:               w.use,
		GroupID:           groupOne,
		Short:             w.short,
		Long:              w.long,
		Example:           w.example,
		Args:              usageArgs(cobra.ExactArgs(2)),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := checkpoint.ParsePosition(args[1])
			// A mistake must not make a store.
			err = cmp.Or(checkpoint.ValidateKey(args[0]), err)
			if err = cmp.Or(err, checkTTL(flags.ttl), checkLogID(flags.logID)); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			return a.run(cmd, with{create: w.create}, func(ctx context.Context, store *checkpoint.Store) error {
				return w.do(ctx, store, args[0], p, flags.options()...)
			})
		},
	}
	flags.register(cmd)
	return cmd
}

func (a *app) set() *cobra.Command {
	return a.writeCommand(write{
		use:   "set KEY POSITION",
		short: "Store a position, whatever is there",
		long: `Stores POSITION at KEY, whatever is there: also over a newer position, and over a
damaged checkpoint. A consumer that runs may write over it at once; to set one
back, use "checkpoint rewind", which locks it out.`,
		example: "  checkpoint set order-processor C:1200/P:1180",
		create:  true,
		do: func(ctx context.Context, store *checkpoint.Store, key string, p checkpoint.Position, opts ...checkpoint.WriteOption) error {
			if err := store.Set(ctx, key, p, opts...); err != nil {
				return err
			}
			return a.printStored(ctx, store, key)
		},
	})
}

func (a *app) advance() *cobra.Command {
	return a.writeCommand(write{
		use:   "advance KEY POSITION",
		short: "Store a position unless a newer one is there",
		long: `Stores POSITION at KEY unless a newer one is there, in one atomic step. The exit
code is 4 where a newer one is there, which stays.`,
		example: "  checkpoint advance order-processor C:1200/P:1180",
		create:  true,
		do: func(ctx context.Context, store *checkpoint.Store, key string, p checkpoint.Position, opts ...checkpoint.WriteOption) error {
			updated, err := store.SetIfNewer(ctx, key, p, opts...)
			if err != nil {
				return err
			}
			if err := a.printStored(ctx, store, key); err != nil {
				return err
			}
			if !updated {
				return fmt.Errorf("%w position: %q is past %s already, and stays there", errStale, key, p)
			}
			return nil
		},
	})
}

func (a *app) rewind() *cobra.Command {
	return a.writeCommand(write{
		use:   "rewind KEY POSITION",
		short: "Set a consumer back while it runs, and lock the running one out",
		long: `Stores POSITION at KEY, whatever is there, and in the same step raises the key's
epoch. A consumer that writes with an older epoch fails its next write, so that
it cannot undo the rewind. Start it again, with the epoch that is printed, to go
on from POSITION. One that writes without epochs is not locked out: stop it first.

Position 0 is before everything, in every log: the consumer handles all of it again.`,
		example: "  checkpoint rewind order-processor 0\n  checkpoint rewind kafka/orders/3 offset:41",
		do: func(ctx context.Context, store *checkpoint.Store, key string, p checkpoint.Position, opts ...checkpoint.WriteOption) error {
			c, err := store.Rewind(ctx, key, p, opts...)
			if err != nil {
				return err
			}
			// What is stored may have kept a log id. Whatever happens to it now, this
			// rewind is done, and its epoch is what people need.
			if stored, err := store.Get(ctx, key); err == nil && stored.Epoch == c.Epoch && stored.Position == c.Position {
				c = stored
			}
			return a.printOne(c)
		},
	})
}

// printStored prints what is stored after a write. Somebody may have removed
// it since, which is no failure of the write.
func (a *app) printStored(ctx context.Context, store *checkpoint.Store, key string) error {
	c, err := store.Get(ctx, key)
	if errors.Is(err, checkpoint.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.printOne(c)
}

func (a *app) touch() *cobra.Command {
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:     "touch KEY --ttl DURATION",
		GroupID: groupOne,
		Short:   "Renew when a checkpoint expires, and leave its position",
		Long: `Lets the checkpoint at KEY expire --ttl from now, or never with --ttl 0. Its
position stays as it is. The exit code is 3 where there is none.`,
		Example:           "  checkpoint touch order-processor --ttl 720h",
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("ttl") {
				return usageError{cmd.CommandPath(), errors.New("--ttl is missing; 0 is never")}
			}
			if err := checkTTL(ttl); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			return a.run(cmd, with{}, func(ctx context.Context, store *checkpoint.Store) error {
				if err := store.Touch(ctx, args[0], ttl); err != nil {
					return err
				}
				return a.printStored(ctx, store, args[0])
			})
		},
	}
	cmd.Flags().DurationVar(&ttl, "ttl", 0, "let it expire after this long, such as 720h; 0: never")
	return cmd
}
