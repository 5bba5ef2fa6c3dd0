package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/storeurl"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

func (a *app) get() *cobra.Command {
	return &cobra.Command{
		Use:     "get KEY",
		GroupID: groupOne,
		Short:   "Print a checkpoint",
		Long: `Prints the checkpoint at KEY. The exit code is 3 where there is none, and 1 where
it is damaged or the store cannot be reached.

In a pipe the columns, divided by tabs, are key, commit, prepare, updatedAt,
expiresAt and epoch; "-" stands for none.`,
		Example: `  checkpoint get order-processor
  checkpoint get order-processor -o json | jq -r .commit`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, with{}, func(ctx context.Context, store *checkpoint.Store) error {
				c, err := store.Get(ctx, args[0])
				if errors.Is(err, checkpoint.ErrNotFound) {
					return saidError{fmt.Sprintf("no checkpoint %q in %s", args[0], storeurl.Redact(a.storeName())), err}
				}
				if err != nil {
					return err
				}
				return a.printOne(c)
			})
		},
	}
}

func (a *app) list() *cobra.Command {
	return &cobra.Command{
		Use:     "list [PATTERN]",
		GroupID: groupMany,
		Short:   "Print the checkpoints whose keys match a pattern",
		Long: `Prints the checkpoints whose keys match PATTERN, or all. In a pattern * is any
run of characters, ? is one, [a-z] is one of a range, [^a] is one other than a,
and \ takes the next one literally. Quote it, so that the shell leaves it alone.

Damaged checkpoints go to stderr with what is wrong, and make the exit code 1.
In a pipe the columns, divided by tabs, are those of "checkpoint get".`,
		Example: `  checkpoint list
  checkpoint list 'orders/*'
  checkpoint list -o json | jq -r .key`,
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, with{walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				p, err := output.New(a.stdout, a.format)
				if err != nil {
					return err
				}
				damaged, err := a.printAll(ctx, store, patternOf(args), p)
				if err != nil {
					return err
				}
				return damagedError(damaged)
			})
		},
	}
}

func patternOf(args []string) string {
	if len(args) == 0 {
		return "*"
	}
	return args[0]
}

// printAll prints every checkpoint that matches, and reports how many are
// damaged.
func (a *app) printAll(ctx context.Context, store *checkpoint.Store, pattern string, p output.Printer) (int, error) {
	bar := a.progress()
	if output.IsTerminal(a.stdout) {
		bar = &progress{} // the rows themselves show it
	}
	defer bar.done()
	n, damaged := 0, 0
	for c, err := range transfer.Walk(ctx, store, pattern) {
		if err != nil && c.Key != "" {
			damaged++
			a.reportDamage(c.Key, err)
			continue
		}
		if err == nil {
			err = p.Print(c)
		}
		if err != nil {
			return damaged, err
		}
		n++
		bar.show("%d checkpoints", n)
	}
	return damaged, p.Flush()
}

func (a *app) reportDamage(key string, err error) { a.note("%q: %v", key, err) }

func damagedError(n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d damaged; `checkpoint set KEY POSITION` or `checkpoint delete KEY` repairs one", n)
}

// completeKey offers the valid keys that begin with what was typed.
func (a *app) completeKey(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	const limit, patience = 100, 2 * time.Second
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), patience)
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
		if checkpoint.ValidateKey(key) == nil { // others no command takes, and they could steer the terminal
			keys = append(keys, key)
		}
	}
	return keys, cobra.ShellCompDirectiveNoFileComp
}
