package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

func (a *app) lease() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "lease",
		GroupID: groupMany,
		Short:   "Show leases, and take them away",
		Long:    "A lease says which instance of a consumer is at work, and until when.",
		Args:    knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.leaseList(), a.leaseRevoke())
	return cmd
}

func (a *app) leaseList() *cobra.Command {
	return &cobra.Command{
		Use:   "list [PATTERN]",
		Short: "Print who holds the leases of the keys that match a pattern",
		Long: `Prints the leases on the keys that match PATTERN, sorted by key. Without PATTERN,
prints all leases. A lease has ended if its time is over, or if the fence of its key has
risen since. An owner can renew a lease whose time is over, as long as nobody has taken
the lease over.

In a pipe the columns are key, owner, epoch, expiresAt, and held or ended, separated by
tabs. expiresAt is by the clock of the store. The command compares it with this machine's
clock to print held or ended: if the two clocks differ, the time that is left is wrong
by as much. The command reports damage as "checkpoint list" does.`,
		Example:           "  checkpoint lease list\n  checkpoint lease list 'orders/*' -o json",
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, with{walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				return a.printLeases(ctx, store, args)
			})
		},
	}
}

func (a *app) printLeases(ctx context.Context, store *checkpoint.Store, args []string) error {
	var leases []output.Lease
	found, cells := damage{}, 0
	// A store without leases must not look like one in which nobody holds any.
	for cell, err := range store.InspectAll(ctx, patternOf(args)) {
		if err != nil {
			return err
		}
		cells++
		if wrong := transfer.Damage(&cell); wrong != nil {
			found.add(wrong)
			a.reportDamage(cell.Key, wrong)
		}
		if cell.Lease.Exists() && cell.Lease.Err == nil {
			s, lease := standingOf(cell), cell.Lease.Lease
			lease.Key = cell.Key
			leases = append(leases, output.Lease{Lease: lease, Held: s.held()})
		}
	}
	if cells == 0 && len(args) > 0 {
		a.noteNone(args)
	}
	if err := output.Leases(a.stdout, a.format, leases); err != nil {
		return err
	}
	return found.err()
}

func (a *app) leaseRevoke() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "revoke KEY",
		Short: "Take the lease on a key away from its owner",
		Long: `Ends the lease on KEY, and raises the fence of KEY: the former owner fails its next
write, and another instance can acquire the lease at once. The position stays. Prints
the new fence. On a terminal the command says who holds the lease, and asks; elsewhere it
needs --yes.

The command also repairs a damaged lease. The exit code is 3 if nobody has a lease on
KEY. "checkpoint fence" also locks out a writer that has an epoch and no lease.`,
		Example:           `  checkpoint lease revoke order-processor --reason "INC-7: it hangs"`,
		Args:              keyArgs(cobra.ExactArgs(1), 1),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.canConfirm(cmd, yes, "revoke"); err != nil {
				return err
			}
			return a.run(cmd, with{walks: !yes}, func(ctx context.Context, store *checkpoint.Store) error {
				return a.revokeLease(ctx, store, args[0], yes)
			})
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}

func (a *app) revokeLease(ctx context.Context, store *checkpoint.Store, key string, yes bool) error {
	cell, err := store.Inspect(ctx, key)
	if err != nil {
		return err
	}
	before := standingOf(cell)
	l := cell.Lease
	switch {
	case cell.Fence.Err != nil:
		return &checkpoint.Error{Op: "revoke", Key: key, Err: cell.Fence.Err}
	case !l.Exists() || l.Err == nil && l.Epoch != cell.Fence.Epoch:
		return saidError{
			fmt.Sprintf("nobody has a lease on %q in %s; `checkpoint fence` locks out writers with an epoch", key, a.shownStore(nil)),
			checkpoint.ErrNotFound,
		}
	}
	ctx, err = a.confirm(ctx, yes, "nothing was revoked", "Revoke the lease of %q on %q, %s?", l.Owner, key, before.leaseEnds())
	if err != nil {
		return err
	}
	return a.raiseFence(&before, func() (uint64, error) { return store.Revoke(ctx, key) })
}

// leaseEnds says what has become of the lease.
func (s *standing) leaseEnds() string {
	switch {
	case s.Lease.Err != nil:
		return "which is damaged"
	case s.held():
		return "which ends " + text.Ahead(s.at, s.Lease.ExpiresAt)
	}
	return "which has ended"
}
