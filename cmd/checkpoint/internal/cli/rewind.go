package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
)

// rewindFlags are the flags of rewind.
type rewindFlags struct {
	writeFlags
	consent

	by, toKey, to string
	ago           durationFlag
	start, head   bool
	create        bool
}

func (a *app) rewind() *cobra.Command {
	var flags rewindFlags
	cmd := &cobra.Command{
		Use:     "rewind KEY|PATTERN [POSITION]",
		GroupID: groupOne,
		Short:   "Set consumers back, and lock out the instances that run",
		Long: `Stores a position at KEY, whatever is there, and raises the key's epoch in the same
step. A consumer that writes with an older epoch fails its next write, so it cannot
undo the rewind. Start it again to go on from the new position. A consumer that writes
without an epoch, such as one without a lease, is not locked out: stop it first.

The position is POSITION, or what --to, --ago, --by, --to-key, --start or --head names.
Position 0 is before every event in every log: the consumer handles all events again.
--head is the end of the log, as the consumer has reported it last: it skips what is left.

With --to and --ago, the key goes to its last known position at or before that time. The
store knows positions from samples, audit entries, and the last write. So work is done
again, and none is skipped. If the key is before that position, it stays where it is, and
the exit code is 1.

With a PATTERN the command rewinds every key that matches and has a checkpoint. "checkpoint
list" explains patterns. If a key is equal to PATTERN, the command rewinds this key alone. It
reports damaged checkpoints and fences, and leaves them alone.

On a terminal, and for a PATTERN, the command only prints what it would do: where each key
stands, where it goes, what is done again, and whom the rewind locks out. "redoes 1,000" is
the distance of the two positions; SKIPS says that the new position is ahead, and that
nobody will do what lies between. --apply makes the rewinds, on a terminal after a
question. Elsewhere, a single KEY needs no --apply, except if a flag names a position that
is ahead.

A rewind that was shown fails if somebody has rewound the key or taken its lease over
since. If only a running consumer has gone on since, the command makes the rewind, and says
where the key stood. The exit code is 3 if there is no checkpoint, unless --create is given.`,
		Example: `  checkpoint rewind order-processor 0
  checkpoint rewind kafka/orders/3 offset:41
  checkpoint rewind 'kafka/orders/*' --by -1000 --apply
  checkpoint rewind 'orders/*' --ago 2h`,
		Args:              keyArgs(cobra.RangeArgs(1, 2), 1),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			find, err := flags.target(cmd, args)
			if err = cmp.Or(err, flags.check()); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			return a.run(cmd, with{walks: a.hasTerminal() || flags.matches(args[0])}, func(ctx context.Context, store *checkpoint.Store) error {
				target, err := find(ctx, store)
				if err != nil {
					return err
				}
				planned, err := a.planRewind(ctx, store, args[0], target, &flags, len(args) == 2)
				if err != nil {
					return err
				}
				return a.rewindAll(ctx, store, planned)
			})
		},
	}
	flags.writeFlags.register(cmd)
	flags.consent.register(cmd)
	cmd.Flags().StringVar(&flags.to, "to", "", "go to where the key stood at this `time`, such as 2026-01-02T15:04:05Z")
	cmd.Flags().Var(&flags.ago, "ago", "go to where the key stood this long ago, such as 2h or 3d")
	cmd.Flags().StringVar(&flags.by, "by", "", "go back by this `number` from where the key stands, such as -1000, in a log that counts its events")
	cmd.Flags().StringVar(&flags.toKey, "to-key", "", "go to where this `key` stands")
	cmd.Flags().BoolVar(&flags.start, "start", false, "go to position 0")
	cmd.Flags().BoolVar(&flags.head, "head", false, "go to the end of the log, as the consumer has reported it last")
	cmd.Flags().BoolVar(&flags.create, "create", false, "store a checkpoint at KEY even if there is none")
	return cmd
}

// matches reports whether arg may be a pattern.
func (f *rewindFlags) matches(arg string) bool {
	return !f.create && checkpoint.QuotePattern(arg) != arg
}

// A finder finds the target of a rewind in the store.
type finder func(context.Context, *checkpoint.Store) (rewind.Target, error)

func found(t rewind.Target) finder {
	return func(context.Context, *checkpoint.Store) (rewind.Target, error) { return t, nil }
}

// target is what the arguments and flags name, which must be one thing.
func (f *rewindFlags) target(cmd *cobra.Command, args []string) (finder, error) {
	var given []string
	if len(args) == 2 {
		given = append(given, "POSITION")
	}
	for _, name := range []string{"to", "ago", "by", "to-key", "start", "head"} {
		if cmd.Flags().Changed(name) {
			given = append(given, "--"+name)
		}
	}
	switch {
	case len(given) == 0:
		return nil, errors.New("no target is given: give POSITION, --to, --ago, --by, --to-key, --start or --head")
	case len(given) > 1:
		return nil, fmt.Errorf("%s exclude each other: give one of them", strings.Join(given, " and "))
	case given[0] == "--to" || given[0] == "--ago":
		return f.past(given[0])
	case given[0] == "--by":
		return f.back()
	case given[0] == "--to-key":
		return f.likeKey, checkpoint.ValidateKey(f.toKey)
	case given[0] == "--head":
		return func(ctx context.Context, store *checkpoint.Store) (rewind.Target, error) {
			return rewind.Head(ctx, store), nil
		}, nil
	case given[0] == "--start":
		return found(rewind.To(checkpoint.Position{})), nil
	}
	p, err := checkpoint.ParsePosition(args[1])
	return found(rewind.To(p)), err
}

// past is the time of --to or --ago.
func (f *rewindFlags) past(flag string) (finder, error) {
	now := time.Now()
	at := now.Add(-time.Duration(f.ago))
	switch {
	case flag == "--ago" && f.ago <= 0:
		return nil, fmt.Errorf("--ago is %v, it must be above zero", time.Duration(f.ago))
	case flag == "--to":
		var err error
		if at, err = time.Parse(time.RFC3339, f.to); err != nil {
			return nil, fmt.Errorf("--to is %q: want a time such as 2026-01-02T15:04:05Z", f.to)
		}
	}
	if at.After(now) {
		return nil, fmt.Errorf("--to is %s, and this time has not come", f.to)
	}
	return func(ctx context.Context, store *checkpoint.Store) (rewind.Target, error) {
		return rewind.At(ctx, store, at), nil
	}, nil
}

func (f *rewindFlags) back() (finder, error) {
	digits, back := strings.CutPrefix(f.by, "-")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || !back || n == 0 {
		return nil, fmt.Errorf("--by is %q: want a negative number such as -1000, since a rewind goes back", f.by)
	}
	return found(rewind.Back(n)), nil
}

func (f *rewindFlags) likeKey(ctx context.Context, store *checkpoint.Store) (rewind.Target, error) {
	other, err := store.Get(ctx, f.toKey)
	if err != nil {
		return nil, fmt.Errorf("--to-key: %w", err)
	}
	return rewind.Like(other), nil
}

// planRewind plans the rewind of the key with the name arg, or else of the keys that match
// arg.
func (a *app) planRewind(
	ctx context.Context, store *checkpoint.Store, arg string, target rewind.Target, flags *rewindFlags, named bool,
) (steps, error) {
	s := steps{consent: flags.consent, opts: flags.options()}
	s.named = named
	s.asPlanned = flags.epoch == 0 && (flags.given() || a.hasTerminal())
	before, err := stand(ctx, store, arg)
	switch {
	case err != nil:
		return s, err
	case before.Checkpoint.Exists || flags.create:
		step := rewind.StepOf(before.Cell, target)
		if errors.As(step.Err, new(*checkpoint.Error)) {
			return s, step.Err
		}
		if step.Err != nil {
			return s, &checkpoint.Error{Op: "rewind", Key: arg, Err: step.Err}
		}
		s.all = []rewind.Step{step}
		return s, nil
	case !flags.matches(arg):
		return s, a.missing(arg, "--create stores one")
	}
	s.many = true
	if s.all, err = rewind.Plan(ctx, store, arg, target); err == nil && len(s.all) == 0 {
		err = saidError{fmt.Sprintf("nothing matches %q in %s", arg, a.shownStore(nil)), checkpoint.ErrNotFound}
	}
	return s, err
}
