package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

func (a *app) get() *cobra.Command {
	return &cobra.Command{
		Use:     "get KEY",
		GroupID: groupOne,
		Short:   "Print a checkpoint",
		Long: `Prints the checkpoint at KEY. The exit code is 3 if there is none. It is 1 if the
checkpoint, its fence or its lease is damaged, or if the store cannot be reached.

On a terminal the output is a table. In a pipe the columns are key, commit, prepare,
updatedAt, expiresAt and epoch, separated by tabs; "-" stands for no value. -o table
prints the table in a pipe, too. -o wide adds the log's id, and prints exact times.`,
		Example: `  checkpoint get order-processor
  checkpoint get order-processor -o json | jq -r .commit`,
		Args:              keyArgs(cobra.ExactArgs(1), 1),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, with{}, func(ctx context.Context, store *checkpoint.Store) error {
				c, err := store.Get(ctx, args[0])
				if errors.Is(err, checkpoint.ErrNotFound) {
					return a.missing(args[0], "")
				}
				if err != nil {
					return err
				}
				if err := a.printOne(c); err != nil {
					return err
				}
				return a.damageBeside(ctx, store, c.Key)
			})
		},
	}
}

// damageBeside looks at the fence and the lease of a sound checkpoint.
func (a *app) damageBeside(ctx context.Context, store *checkpoint.Store, key string) error {
	cell, err := store.Inspect(ctx, key)
	if errors.Is(err, checkpoint.ErrUnsupported) {
		return nil
	}
	var found damage
	if err == nil {
		if wrong := transfer.Damage(&cell); wrong != nil {
			found.add(wrong)
			a.reportDamage(key, wrong)
		}
		err = found.err()
	}
	return err
}

// completionPatience is how long a shell waits for the store.
const completionPatience = 2 * time.Second

// completeKey offers the valid keys that begin with what was typed.
func (a *app) completeKey(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	const limit = 100
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionPatience)
	defer cancel()
	store, err := a.open(ctx, cmd, a.storeName(), false)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer store.Close()
	var keys []string
	for key, err := range store.Scan(ctx, checkpoint.QuotePattern(typed)+"*") {
		if err != nil || len(keys) == limit {
			break
		}
		if checkpoint.ValidateKey(key) == nil { // no command accepts another key, and it could steer the terminal
			keys = append(keys, key)
		}
	}
	return keys, cobra.ShellCompDirectiveNoFileComp
}
