package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
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
First stop each consumer that writes without an epoch.`,
		Example: `  checkpoint clear 'orders/*'
  checkpoint clear 'test-*' --yes`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.canConfirm(cmd, yes, "remove"); err != nil {
				return err
			}
			return a.run(cmd, with{walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				n, err := a.lookAtAll(ctx, store, args[0], fence)
				if err != nil {
					return err
				}
				if n == 0 && !yes {
					a.note("nothing matches %q in %s", args[0], a.shownStore(nil))
					return nil
				}
				ctx, err = a.confirm(ctx, yes, "nothing was removed", "Remove %s %q from %s?",
					counted(n, "checkpoint that matches", "checkpoints that match"), args[0], a.shownStore(nil))
				if err != nil {
					return err
				}
				return a.clearAll(ctx, store, args[0], fence)
			})
		},
	}
	yesFlag(cmd, &yes)
	cmd.Flags().BoolVar(&fence, "fence", false, "also raise the keys' epochs, which locks out consumers that write with older ones")
	return cmd
}

func (a *app) clearAll(ctx context.Context, store *checkpoint.Store, pattern string, fence bool) error {
	raised := 0
	if fence {
		var err error
		if raised, err = a.fenceAll(ctx, store, pattern); err != nil {
			before := "nothing was removed"
			if raised > 0 {
				before += ", but " + atLeast(err) + fencesWere(raised) + " raised"
			}
			return partError{before: before + ": ", err: err}
		}
	}
	n, err := store.Clear(ctx, pattern)
	if err != nil {
		// The error is that of one call among some at a time, and says nothing of the others.
		before := "no checkpoint is known to be removed: "
		if n > 0 {
			before = "at least " + counted(n, "checkpoint was", "checkpoints were") + " removed, then: "
		}
		if raised > 0 {
			before = fencesWere(raised) + " raised, and " + before
		}
		return partError{before: before, err: err}
	}
	_, err = fmt.Fprintln(a.stdout, n)
	return err
}

func fencesWere(n int) string { return counted(n, "fence was", "fences were") }

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
		s := standingOf(cell)
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

// fenceAll raises the fence of each key with a checkpoint, and returns how many it has
// raised. A key that only another program can have written has no fence.
func (a *app) fenceAll(ctx context.Context, store *checkpoint.Store, pattern string) (n int, err error) {
	for cell, err := range transfer.Cells(ctx, store, pattern) {
		if err != nil {
			return n, err
		}
		if !cell.Checkpoint.Exists || checkpoint.ValidateKey(cell.Key) != nil {
			continue
		}
		if _, err := store.Fence(ctx, cell.Key, 0); err != nil {
			return n, a.changeError(err, fmt.Sprintf("the fence of %q may have been raised", cell.Key), byHistory)
		}
		n++
	}
	return n, nil
}
