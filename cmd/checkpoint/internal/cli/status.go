package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// errStuck makes the exit code tell that a consumer is stuck.
var errStuck = errors.New("stuck")

func (a *app) status() *cobra.Command {
	var look look
	var again bool
	cmd := &cobra.Command{
		Use:     "status [PATTERN]",
		GroupID: groupMany,
		Short:   "Print which consumers are stuck, how far behind, who works",
		Long: `Prints a line for each key that matches PATTERN, the worst first. A consumer tells the
store every few seconds what it does: see docs/operating.md. The states are

  damaged   the checkpoint, the fence, the lease, the latest audit entry or a report
            cannot be read
  trimmed   the log was trimmed past it: events that were not processed are gone
  beyond    beyond the head: the log has lost its end, or is another log
  stuck     behind the head, or with events in work if the head is not known,
            and has not advanced for --stale
  dead      its lease has ended, and nobody has taken it over
  stale     with --stale: nobody reports, and nobody has written for that time
  late      its report is overdue
  slow      behind the head, and slower than the head
  rewound   moved by hand, and nobody has taken it over since
  paused    an operator has paused it
  draining  reads no more, and finishes the events in work
  standby   instances wait for the lease
  silent    somebody writes or holds the lease, and does not report
  running   at work
  idle      at the head, and nothing has come for 5 seconds
  stopped   nobody is at work

LAG counts positions of the log. BEHIND is the age of the oldest event that is not done. "≥"
says that the event may be older: nobody has watched the log for longer. "-" stands for what
is not known.

The exit code is 1 if a consumer is damaged, trimmed, beyond, stuck, dead or stale. In a pipe
the columns are key, state, position, lag, behind, owner, the rest of the lease, age and why,
separated by tabs. Times are in milliseconds, without "≥": -o json has it as lagAtLeast.

With --watch the command prints the status again and again, until it is interrupted: on a
terminal in place of the one before, elsewhere below it, after an empty line. --timeout limits
each read (default 1m). If a read fails, the command says so on stderr, and reads again after
--interval. "checkpoint top" is a live screen.`,
		Example: `  checkpoint status
  checkpoint status 'orders/*' --sort lag
  checkpoint status --stale 5m -o json | jq 'select(.state == "stuck")'`,
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cmp.Or(look.check(cmd), checkWatch(cmd, again)); err != nil {
				return err
			}
			if again {
				return a.watchStatus(cmd, patternOf(args), look)
			}
			return a.run(cmd, with{walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				return a.printStatus(ctx, store, args, look)
			})
		},
	}
	look.register(cmd)
	cmd.Flags().BoolVarP(&again, "watch", "w", false, "print the status again in each --interval")
	return cmd
}

// A look is how the commands on the state of consumers look at them.
type look struct {
	sort  string
	every time.Duration
	stale time.Duration
	rules watch.Rules
}

func (l *look) register(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&l.stale, "stale", 0, "after this `time` without an advance, a consumer that is behind is stuck, "+
		"and a checkpoint that nobody reports on is stale (default "+watch.DefaultStale.String()+" for stuck ones, and never stale)")
	cmd.Flags().StringVar(&l.sort, "sort", "state", "sort by state (the worst first), key, lag or age")
	intervalFlag(cmd, &l.every)
	completeFlag(cmd, "sort", "state", "key", "lag", "age")
}

func (l *look) check(cmd *cobra.Command) error {
	switch {
	case watch.Orders[l.sort] == nil:
		return usageError{cmd.CommandPath(), fmt.Errorf("--sort is %q: want state, key, lag or age", l.sort)}
	case l.stale < 0 || l.stale == 0 && cmd.Flags().Changed("stale"):
		return usageError{cmd.CommandPath(), fmt.Errorf("--stale is %v, it must be above zero", l.stale)}
	}
	l.rules = watch.Rules{Stale: l.stale, Silent: l.stale > 0}
	return checkInterval(cmd, l.every)
}

// checkWatch refuses an interval that has no effect.
func checkWatch(cmd *cobra.Command, again bool) error {
	if !again && cmd.Flags().Changed("interval") {
		return usageError{cmd.CommandPath(), errors.New("--interval has no effect without --watch")}
	}
	return nil
}

func (a *app) printStatus(ctx context.Context, store *checkpoint.Store, args []string, l look) error {
	rows, err := l.rules.Snapshot(ctx, store, patternOf(args))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		a.noteNone(args)
	}
	return a.printRows(rows, l)
}

func (a *app) printRows(rows []watch.Row, l look) error {
	watch.Sort(rows, l.sort)
	if err := output.Status(a.stdout, a.format, rows); err != nil {
		return err
	}
	return stuck(rows)
}

// stuck returns an error that counts the consumers that somebody must look after.
func stuck(rows []watch.Row) error {
	count := watch.Count(rows)
	var parts []string
	for _, s := range watch.States {
		if n := count[s]; n > 0 && s.IsStuck() {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	said := []string{strings.Join(parts, ", ")}
	for _, hint := range stuckHints {
		if slices.ContainsFunc(rows, hint.of) {
			said = append(said, hint.text)
		}
	}
	return saidError{strings.Join(said, "; "), errStuck}
}

// stuckHints say where to look next.
var stuckHints = []struct {
	of   func(watch.Row) bool
	text string
}{
	{func(r watch.Row) bool { return r.State == watch.Damaged && transfer.Damage(&r.Cell) != nil }, "`checkpoint get KEY` says how to repair it"},
	{func(r watch.Row) bool { return r.State == watch.Damaged && transfer.Damage(&r.Cell) == nil }, "`checkpoint doctor` says how to repair it"},
	{func(r watch.Row) bool { return r.State.IsStuck() && r.State != watch.Damaged && r.State != watch.Stale }, "`checkpoint status KEY -o json` says why"},
	{func(r watch.Row) bool { return r.State == watch.Stale }, "`checkpoint history KEY` says who moved a consumer"},
}
