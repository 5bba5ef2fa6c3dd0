package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

func (a *app) clear() *cobra.Command {
	var yes, fence bool
	cmd := &cobra.Command{
		Use:     "clear PATTERN",
		GroupID: groupMany,
		Short:   "Remove the checkpoints whose keys match a pattern",
		Long: `Removes the checkpoints whose keys match PATTERN, damaged ones too, and prints how
many it removed. On a terminal it first shows how many match, and asks; elsewhere it
needs --yes. "checkpoint list" shows which checkpoints match, and its help explains
patterns.

A running consumer goes on writing, and so stores its checkpoint again. If the consumer
holds a lease, the command names it. --fence raises the epoch of each key before the
command removes anything, which locks out a consumer that writes with an older epoch.
Stop a consumer that writes without an epoch first.`,
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
				n, err := a.lookAtAll(ctx, store, args[0], fence)
				if err != nil {
					return err
				}
				if !yes {
					if ok, err := a.confirm(ctx, n, args[0]); err != nil || !ok {
						return err
					}
				}
				return a.clearAll(ctx, store, args[0], fence)
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&fence, "fence", false, "also raise the keys' epochs, which locks out consumers that write with older ones")
	return cmd
}

func (a *app) clearAll(ctx context.Context, store *checkpoint.Store, pattern string, fence bool) error {
	if fence {
		if err := fenceAll(ctx, store, pattern); err != nil {
			return fmt.Errorf("nothing was removed: %w", err)
		}
	}
	n, err := store.Clear(ctx, pattern)
	if err != nil {
		return fmt.Errorf("%s removed, then: %w", counted(n, "checkpoint was", "checkpoints were"), err)
	}
	_, err = fmt.Fprintln(a.stdout, n)
	return err
}

// lookAtAll counts the checkpoints that match, and names the consumers that a clear locks
// out or leaves at work.
func (a *app) lookAtAll(ctx context.Context, store *checkpoint.Store, pattern string, fence bool) (int, error) {
	bar := a.progress()
	defer bar.done()
	n, unfenced := 0, 0
	for cell, err := range transfer.Cells(ctx, store, pattern) {
		if err != nil {
			return n, err
		}
		s := standing{cell, time.Now()}
		if !s.Checkpoint.Exists {
			continue
		}
		n++
		bar.show("%d found", n)
		switch {
		case s.unfenced():
			unfenced++
		case !s.held():
		case fence:
			bar.done()
			a.note("%q: %s", s.Key, s.lockedOut())
		default:
			bar.done()
			a.note("%s, goes on writing and stores the checkpoint %q again; --fence locks it out", s.holder(), s.Key)
		}
	}
	if unfenced > 0 {
		bar.done()
		a.note("%s written without an epoch: no fence stops a running consumer from storing again; stop it",
			counted(unfenced, "checkpoint was", "checkpoints were"))
	}
	return n, nil
}

// fenceAll raises the fence of each key with a checkpoint. A key that only another program
// can have written has no fence.
func fenceAll(ctx context.Context, store *checkpoint.Store, pattern string) error {
	for cell, err := range transfer.Cells(ctx, store, pattern) {
		if err == nil && cell.Checkpoint.Exists && checkpoint.ValidateKey(cell.Key) == nil {
			_, err = store.Fence(ctx, cell.Key, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// confirm asks whether the n checkpoints that match should really be removed.
func (a *app) confirm(ctx context.Context, n int, pattern string) (bool, error) {
	if n == 0 {
		a.note("nothing matches %q in %s", pattern, engine.Redact(a.storeName()))
		return false, nil
	}
	fmt.Fprintf(a.stderr, "Remove %s %q from %s? [y/N] ",
		counted(n, "checkpoint that matches", "checkpoints that match"), pattern, engine.Redact(a.storeName()))
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
