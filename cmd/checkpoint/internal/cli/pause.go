package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
)

func (a *app) pause() *cobra.Command {
	return &cobra.Command{
		Use:     "pause KEY",
		GroupID: groupOne,
		Short:   "Ask the consumer of a checkpoint to stop until it is resumed",
		Long: `Asks the instances of the consumer at KEY to stop. A running instance reads no more,
finishes the events in work, stores what it has done, and says why in its log. It hears of
the pause with its next report, within 5 seconds by default. An instance that starts waits.

A pause is a request: the checkpoint, the fence and the lease stay as they are. A writer
that does not report goes on. "checkpoint fence" locks it out if it writes with an epoch.
"checkpoint status" shows the pause, who asked for it, and why. The pause stays until
"checkpoint resume KEY".

You can pause a key before its consumer first starts. The command then warns that nothing is
stored for KEY. "checkpoint status", "checkpoint top" and the page do not list KEY until it has
a checkpoint or a lease. "checkpoint status KEY" shows the pause.`,
		Example:           `  checkpoint pause order-processor --reason "INC-7: the database is full"`,
		Args:              keyArgs(cobra.ExactArgs(1), 1),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, with{audited: true}, func(ctx context.Context, store *checkpoint.Store) error {
				return a.pauseKey(ctx, store, args[0])
			})
		},
	}
}

func (a *app) pauseKey(ctx context.Context, store *checkpoint.Store, key string) error {
	before, err := stand(ctx, store, key)
	if err != nil {
		return err
	}
	statuses, err := store.Statuses(ctx, key)
	if err != nil {
		return err
	}
	if err := store.Pause(ctx, key); err != nil {
		return a.changeError(err, changed, byStatus)
	}
	switch reporting := len(statuses[0].Instances); {
	case reporting > 0:
		a.note("%q is paused: %s of it will hear of the pause", key, counted(reporting, "instance", "instances"))
	case before.Holds():
		a.note("%q is paused, and no instance of it reports: one that starts waits, one that does not report goes on", key)
	default:
		a.note("%q is paused, and nothing is stored for it, so that no list shows it: check the key; `checkpoint status KEY` shows the pause", key)
	}
	return nil
}

func (a *app) resume() *cobra.Command {
	return &cobra.Command{
		Use:     "resume KEY",
		GroupID: groupOne,
		Short:   "End the pause of a consumer",
		Long: `Ends the pause of KEY. Its instances go on with the next event within 5 seconds by
default. The exit code is 3 if KEY is not paused.`,
		Example:           `  checkpoint resume order-processor`,
		Args:              keyArgs(cobra.ExactArgs(1), 1),
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, with{}, func(ctx context.Context, store *checkpoint.Store) error {
				statuses, err := store.Statuses(ctx, args[0])
				if err != nil {
					return err
				}
				if statuses[0].Pause == nil {
					return saidError{fmt.Sprintf("%q is not paused", args[0]), checkpoint.ErrNotFound}
				}
				if err := store.Resume(ctx, args[0]); err != nil {
					return a.changeError(err, changed, byStatus)
				}
				a.note("%q is not paused any more; it was %s", args[0], statuses[0].Pause)
				return nil
			})
		},
	}
}
