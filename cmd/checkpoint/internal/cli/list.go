package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

// orders are the values of --sort. Equal checkpoints are sorted by key.
var orders = map[string]func(a, b checkpoint.Checkpoint) int{
	"key":      func(checkpoint.Checkpoint, checkpoint.Checkpoint) int { return 0 },
	"age":      func(a, b checkpoint.Checkpoint) int { return a.UpdatedAt.Compare(b.UpdatedAt) },
	"position": func(a, b checkpoint.Checkpoint) int { return a.Position.Compare(b.Position) },
}

func (a *app) list() *cobra.Command {
	var sort string
	cmd := &cobra.Command{
		Use:     "list [PATTERN]",
		GroupID: groupMany,
		Short:   "Print the checkpoints whose keys match a pattern",
		Long: `Prints the checkpoints whose keys match PATTERN. Without PATTERN, prints all
checkpoints. In a pattern, * matches any number of characters, ? one character, [a-z]
one character of a range, and [^a] one character that is not a; \ takes the next
character literally. Quote the pattern, so that the shell does not expand it. The output
has the form of "checkpoint get".

The command reports damaged checkpoints, fences and leases on stderr, says what is wrong
with each, and ends with exit code 1.`,
		Example: `  checkpoint list
  checkpoint list 'orders/*' --sort age
  checkpoint list -o json | jq -r .key`,
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if sort != "" && orders[sort] == nil {
				return usageError{cmd.CommandPath(), fmt.Errorf("--sort is %q: want key, age or position", sort)}
			}
			return a.run(cmd, with{walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				p, err := output.New(a.stdout, a.format)
				if err != nil {
					return err
				}
				if sort != "" {
					p = &sorted{Printer: p, by: orders[sort]}
				}
				n, found, err := a.printAll(ctx, store, patternOf(args), p)
				if err != nil {
					return err
				}
				if n+found.keys == 0 {
					return a.noteNoCell(ctx, store, args)
				}
				return found.err()
			})
		},
	}
	cmd.Flags().StringVar(&sort, "sort", "",
		"sort by key, age (the oldest first) or position (default: the store's own order, which needs no memory)")
	completeFlag(cmd, "sort", "key", "age", "position")
	return cmd
}

// A sorted printer holds all checkpoints back.
type sorted struct {
	output.Printer
	by   func(a, b checkpoint.Checkpoint) int
	held []checkpoint.Checkpoint
}

func (s *sorted) Print(c checkpoint.Checkpoint) error {
	s.held = append(s.held, c)
	return nil
}

func (s *sorted) Flush() error {
	slices.SortFunc(s.held, func(a, b checkpoint.Checkpoint) int { return cmp.Or(s.by(a, b), cmp.Compare(a.Key, b.Key)) })
	for _, c := range s.held {
		if err := s.Printer.Print(c); err != nil {
			return err
		}
	}
	return s.Printer.Flush()
}

func patternOf(args []string) string {
	if len(args) == 0 {
		return "*"
	}
	return args[0]
}

// noteNoCell is noteNone if no fence and no lease matches, either.
func (a *app) noteNoCell(ctx context.Context, store *checkpoint.Store, args []string) error {
	for _, err := range transfer.Cells(ctx, store, patternOf(args)) {
		return err
	}
	a.noteNone(args)
	return nil
}

// noteNone says that a command with these arguments has found nothing.
func (a *app) noteNone(args []string) {
	if len(args) == 0 {
		a.note("nothing is stored in %s", a.shownStore(nil))
		return
	}
	a.note("nothing matches %q in %s", args[0], a.shownStore(nil))
}

// printAll prints every checkpoint that matches. It returns their number, and what is damaged.
func (a *app) printAll(ctx context.Context, store *checkpoint.Store, pattern string, p output.Printer) (n int, found damage, err error) {
	bar := a.progress()
	if output.IsTerminal(a.stdout) {
		bar = &progress{} // the rows themselves show it
	}
	defer bar.done()
	for c, err := range transfer.Walk(ctx, store, pattern) {
		if err != nil && c.Key != "" {
			found.add(err)
			bar.done()
			a.reportDamage(c.Key, err)
			continue
		}
		if err == nil {
			err = p.Print(c)
		}
		if err != nil {
			return n, found, err
		}
		n++
		bar.show("%d checkpoints", n)
	}
	return n, found, p.Flush()
}

func (a *app) reportDamage(key string, err error) { a.note("%q: %v", key, err) }

// A damage counts the damaged keys, and notes what is damaged: checkpoints, fences, leases
// or histories.
type damage struct {
	keys                               int
	checkpoint, fence, leases, history bool
}

func (d *damage) add(err error) {
	d.keys++
	d.checkpoint = d.checkpoint || errors.Is(err, checkpoint.ErrCorruptCheckpoint)
	d.fence = d.fence || errors.Is(err, checkpoint.ErrCorruptFence)
	d.leases = d.leases || errors.Is(err, checkpoint.ErrCorruptLease)
	d.history = d.history || errors.Is(err, checkpoint.ErrCorruptHistory)
}

func (d *damage) err() error {
	if d.keys == 0 {
		return nil
	}
	var remedies []string
	if d.checkpoint {
		remedies = append(remedies, transfer.CheckpointRemedy)
	}
	if d.fence {
		remedies = append(remedies, transfer.FenceRemedy)
	}
	if d.leases {
		remedies = append(remedies, transfer.LeaseRemedy)
	}
	if d.history {
		remedies = append(remedies, transfer.HistoryRemedy)
	}
	return errors.New(strings.Join(append([]string{fmt.Sprintf("%d damaged", d.keys)}, remedies...), "; "))
}
