package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

func (a *app) group() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "group",
		GroupID: groupMany,
		Short:   "Show groups with their members and partitions, and drain members",
		Long: `A group is the instances of a consumer that share its partitions. Each instance is a
member. The checkpoint of a partition has the key GROUP/PARTITION, and the member that
holds the partition owns the lease of this key. docs/groups.md explains groups.`,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.groupList(), a.groupDescribe(), a.groupDrain(), a.groupUndrain(), a.groupPin(), a.groupUnpin())
	return cmd
}

func (a *app) groupList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Print the groups, and how many members and partitions they have",
		Long: `Prints a line for each group that had a member in the last 30 days, sorted by name.
MEMBERS counts the members that live, and DRAINED those of them that an operator drains.
PARTITIONS counts the partitions that have a checkpoint, a fence or a lease, HELD those of
them whose lease somebody holds, and FREE the others. The columns are the same in a pipe,
separated by tabs.

The command reads what is stored for each key, as "checkpoint status" does.`,
		Example:           "  checkpoint group list\n  checkpoint group list -o json | jq 'select(.free > 0)'",
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.run(cmd, with{walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				rows, err := watch.Rules{}.Snapshot(ctx, store, "*")
				if err != nil {
					return err
				}
				groups, err := watch.Groups(ctx, store, rows)
				if err != nil {
					return err
				}
				return output.Groups(a.stdout, a.format, groups)
			})
		},
	}
}

func (a *app) groupDescribe() *cobra.Command {
	return &cobra.Command{
		Use:   "describe GROUP",
		Short: "Print who holds which partition of a group, and the operator's orders",
		Long: `Prints a line for each known partition of GROUP: the member that holds it, how long the
lease lasts, the position, the lag if the consumer reports one, and the state, as
"checkpoint status" has them. Then it prints the members that live, and the orders.
The states of a member are

  active    it gets partitions
  draining  an operator drains it, and it still holds partitions
  drained   an operator drains it, and it holds nothing
  leaving   it ends
  damaged   its report cannot be read

An order is done, moving, or waits for a member or a partition.

In a pipe the first column is partition, member or order. These follow, separated by tabs:

  partition  name, member, the rest of the lease in ms, position, lag, state, why
  member     name, state, partitions, weight, host, pid, since, last seen
  order      order, state, by, when, reason, why it waits

The exit code is 3 if there is no such group.`,
		Example:           "  checkpoint group describe orders\n  checkpoint group describe orders -o json | jq '.partitions[] | select(.member == null)'",
		Args:              keyArgs(cobra.ExactArgs(1), 1),
		ValidArgsFunction: a.completeGroup,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, with{walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				g, found, err := watch.Rules{}.Group(ctx, store, args[0])
				if err != nil {
					return err
				}
				if !found {
					return a.noGroup(args[0])
				}
				return output.Group(a.stdout, a.format, &g)
			})
		},
	}
}

func (a *app) noGroup(name string) error {
	return saidError{
		fmt.Sprintf("there is no group %q in %s; `checkpoint group list` prints the groups", name, a.shownStore(nil)),
		checkpoint.ErrNotFound,
	}
}

// completeGroup offers the names of groups, as the first argument.
func (a *app) completeGroup(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	if len(args) == 0 {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionPatience)
		defer cancel()
		if store, err := a.open(ctx, cmd, a.storeName(), false); err == nil {
			defer store.Close()
			names, _ = store.Groups(ctx) // a shell cannot show an error
		}
		names = slices.DeleteFunc(names, func(name string) bool { return checkpoint.ValidateKey(name) != nil }) // it could steer the terminal
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
