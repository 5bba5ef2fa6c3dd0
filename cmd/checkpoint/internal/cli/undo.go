package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/driver"
)

const opUndo = "undo"

func (a *app) undo() *cobra.Command {
	var by consent
	cmd := &cobra.Command{
		Use:     "undo KEY [ENTRY]",
		GroupID: groupOne,
		Short:   "Put back what was moved by hand",
		Long: `Rewinds KEY to where it stood before ENTRY, a number of "checkpoint history", which
counts from the latest entry. Without ENTRY, the command undoes the latest entry that
moved KEY: a set, advance, rewind, delete, clear, import, copy, restore or undo. As every
rewind, it locks out a consumer that runs with an older epoch.

On a terminal the command only shows what it would do, and --apply makes the change after
a question. Elsewhere it makes the change at once, except if the undo moves KEY forward:
then it refuses without --apply or --yes, because nobody will do the events between,
except those that were done before.

The undo fails with exit code 5 if somebody has rewound KEY or taken its lease over since
the command has read the history. An entry keeps a position, but no log id and no expiry:
KEY keeps the log id that it has, and does not expire any more. If KEY has moved to another
log, rewind it to a position in that log instead. The audit entry of the undo names the
entry that it undoes. The exit code is 3 if KEY has no history, or no entry of this number.`,
		Example: `  checkpoint history order-processor
  checkpoint undo order-processor
  checkpoint undo order-processor 3 --reason "INC-7: this was the wrong key"`,
		Args:              keyArgs(cobra.RangeArgs(1, 2), 1),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			number := 0
			if len(args) == 2 {
				var err error
				if number, err = strconv.Atoi(args[1]); err != nil || number < 1 {
					return usageError{cmd.CommandPath(), fmt.Errorf("ENTRY is %q: want a number of `checkpoint history`, from 1 up", args[1])}
				}
			}
			return a.run(cmd, with{walks: a.hasTerminal()}, func(ctx context.Context, store *checkpoint.Store) error {
				return a.undoEntry(ctx, store, args[0], number, by)
			})
		},
	}
	by.register(cmd)
	return cmd
}

func (a *app) undoEntry(ctx context.Context, store *checkpoint.Store, key string, number int, by consent) error {
	// What the key holds is read first: if it changes after that, the undo is refused.
	before, err := stand(ctx, store, key)
	if err != nil {
		return err
	}
	entries, err := store.History(ctx, key, driver.AuditEntries)
	if err != nil {
		return err
	}
	undo, err := rewind.UndoOf(entries, number)
	if err != nil {
		err = &checkpoint.Error{Op: opUndo, Key: key, Err: err}
		if number > len(entries) || len(entries) == 0 {
			return saidError{err.Error(), checkpoint.ErrNotFound}
		}
		return err
	}
	step := rewind.StepOf(before.Cell, rewind.To(undo.To))
	switch {
	case step.Err != nil:
		return &checkpoint.Error{Op: opUndo, Key: key, Err: step.Err}
	case step.Stays():
		a.note("%q is at %s already, where entry %d found it", key, undo.To, undo.Number)
		return nil
	}
	a.because = undo.Reason()
	ctx = driver.WithBy(ctx, a.by(opUndo))
	a.note("entry %d: %s", undo.Number, undo.Reason())
	return a.rewindAll(ctx, store, steps{consent: by, all: []rewind.Step{step}, asPlanned: true})
}
