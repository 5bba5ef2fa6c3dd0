package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
)

func (a *app) clear() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "clear PATTERN",
		GroupID: groupMany,
		Short:   "Remove the checkpoints whose keys match a pattern",
		Long: `Removes the checkpoints whose keys match PATTERN, damaged ones too, and prints how
many. On a terminal it shows their number and asks first; otherwise it needs --yes.
"checkpoint list" explains patterns, and shows which checkpoints would go.

A running consumer goes on writing, and so stores its checkpoint again: stop it first,
or use "checkpoint delete --fence".`,
		Example: `  checkpoint clear 'orders/*'
  checkpoint clear 'test-*' --yes`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			terminal := output.IsTerminal(a.stdin) && output.IsTerminal(a.stderr)
			if !yes && !terminal {
				return usageError{cmd.CommandPath(), errors.New("there is no terminal to ask on: give --yes to remove without asking")}
			}
			return a.run(cmd, with{walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				if !yes {
					if ok, err := a.confirm(ctx, store, args[0]); err != nil || !ok {
						return err
					}
				}
				n, err := store.Clear(ctx, args[0])
				if err != nil {
					return fmt.Errorf("%d checkpoints were removed, then: %w", n, err)
				}
				_, err = fmt.Fprintln(a.stdout, n)
				return err
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// confirm asks whether the checkpoints that match should really be removed.
func (a *app) confirm(ctx context.Context, store *checkpoint.Store, pattern string) (bool, error) {
	n := 0
	bar := a.progress()
	for _, err := range store.Scan(ctx, pattern) {
		if err != nil {
			bar.done()
			return false, err
		}
		n++
		bar.show("%d found", n)
	}
	bar.done()
	if n == 0 {
		a.note("nothing matches %q in %s", pattern, engine.Redact(a.storeName()))
		return false, nil
	}
	fmt.Fprintf(a.stderr, "Remove %d checkpoints that match %q from %s? [y/N] ",
		n, pattern, engine.Redact(a.storeName()))
	answers := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.stdin).ReadString('\n')
		answers <- line
	}()
	select {
	case line := <-answers:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return true, nil
		}
		return false, errors.New("nothing was removed")
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}
