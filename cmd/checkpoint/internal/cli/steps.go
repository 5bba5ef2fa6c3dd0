package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
)

// consent says whether a person wants the rewinds that a command plans.
type consent struct{ apply, yes bool }

func (c *consent) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.apply, "apply", false, "make the change, and not only show it; on a terminal after a question")
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "make the change, and do not ask")
}

// given reports whether a flag says that the change shall be made.
func (c consent) given() bool { return c.apply || c.yes }

// steps are the rewinds that a command plans.
type steps struct {
	consent

	all  []rewind.Step
	many bool // they come from a pattern
	opts []checkpoint.WriteOption

	named bool // a person has named the position, and has seen whether it is ahead

	// asPlanned leaves a key alone that somebody has rewound or taken over since.
	asPlanned bool
}

// rewindAll shows the steps, or makes them.
func (a *app) rewindAll(ctx context.Context, store *checkpoint.Store, s steps) error {
	left := &leftAlone{of: len(s.all)}
	s.all = a.leave(s.all, s.many, left)
	terminal := a.hasTerminal()
	switch {
	case len(s.all) == 0:
		return left.err()
	case !s.given() && (s.many || terminal):
		if err := a.preview(s.all, false); err != nil {
			return err
		}
		a.note("nothing was changed; --apply rewinds %s", counted(len(s.all), "checkpoint", "checkpoints"))
		return left.err()
	case !s.given() && !s.named && s.all[0].Skips():
		step := s.all[0]
		return fmt.Errorf("%q is at %s, and going to %s %s: nobody will do these events; --apply goes there all the same",
			step.Before.Key, step.Before.Checkpoint.Position, step.Position, step.Effect())
	case !s.yes && terminal:
		if err := a.preview(s.all, true); err != nil {
			return err
		}
		var err error
		if ctx, err = a.confirm(ctx, false, "nothing was rewound", "%s", a.question(s.all)); err != nil {
			return err
		}
	}
	err, rest := a.makeSteps(ctx, store, s), left.err()
	if err != nil && rest != nil {
		return partError{err: err, after: "; " + oneLine(rest)}
	}
	return errors.Join(err, rest)
}

func (a *app) question(steps []rewind.Step) string {
	q := fmt.Sprintf("Rewind %s in %s", counted(len(steps), "checkpoint", "checkpoints"), a.shownStore(nil))
	skips := 0
	for _, s := range steps {
		if s.Skips() {
			skips++
		}
	}
	switch {
	case skips == 0:
	case len(steps) == 1:
		q += ", and SKIP its events up to there"
	default:
		q += fmt.Sprintf(", and SKIP events of %d of them", skips)
	}
	return q + "?"
}

// leave reports the steps that cannot be made, and returns the others. Of many keys, those
// that stand at their target already stay as they are: their consumers need not start again.
func (a *app) leave(steps []rewind.Step, many bool, left *leftAlone) []rewind.Step {
	return slices.DeleteFunc(steps, func(s rewind.Step) bool {
		switch {
		case s.Err != nil:
			a.reportDamage(s.Before.Key, s.Err)
			left.add(s.Err)
			return true
		case many && s.Stays():
			a.note("%q is at %s already", s.Before.Key, s.Position)
			return true
		}
		return false
	})
}

// leftAlone counts the keys that a rewind of many keys must not touch.
type leftAlone struct {
	damage

	of, refused int
}

func (l *leftAlone) add(err error) {
	if errors.Is(err, checkpoint.ErrCorrupt) {
		l.damage.add(err)
		return
	}
	l.refused++
}

func (l *leftAlone) err() error {
	var refused error
	if l.refused > 0 {
		refused = fmt.Errorf("%d of %d stay as they are, for the reasons above", l.refused, l.of)
	}
	return errors.Join(refused, l.damage.err())
}

// preview prints what the steps would do. Before a question it prints to stderr, where the
// question stands.
func (a *app) preview(steps []rewind.Step, asked bool) error {
	rows := make([]output.Rewind, len(steps))
	for i, s := range steps {
		rows[i] = output.Rewind{Key: s.Before.Key, After: s.Position, KnownAt: s.KnownAt, Effect: s.Effect(), LocksOut: rewind.LocksOut(&s.Before, time.Now())}
		if c := s.Before.Checkpoint; c.Exists && c.Err == nil {
			rows[i].Before = &c.Position
		}
	}
	if asked {
		return output.Rewinds(a.stderr, "table", rows)
	}
	return output.Rewinds(a.stdout, a.format, rows)
}

// makeSteps makes the steps, and prints the checkpoints that are stored then.
func (a *app) makeSteps(ctx context.Context, store *checkpoint.Store, s steps) error {
	p, err := output.New(a.stdout, a.format)
	if err != nil {
		return err
	}
	changed := 0
	for i, step := range s.all {
		var c checkpoint.Checkpoint
		opts, err := s.options(ctx, store, step)
		if err == nil {
			c, err = a.rewindTo(ctx, store, step, opts)
		}
		switch {
		case s.asPlanned && errors.Is(err, checkpoint.ErrFenced):
			a.note("somebody has rewound %q or taken its lease over meanwhile; it stays as it is", step.Before.Key)
			changed++
			continue
		case err != nil && s.many:
			return errors.Join(partError{before: fmt.Sprintf("%s%d of %d were rewound, then: ", atLeast(err), i-changed, len(s.all)), err: err}, p.Flush())
		case err != nil:
			return err
		}
		if err := p.Print(c); err != nil {
			return err
		}
	}
	if changed > 0 {
		err = fmt.Errorf("%w: %d of %d stay as they are; look at them again", checkpoint.ErrFenced, changed, len(s.all))
	}
	return errors.Join(err, p.Flush())
}

func (s *steps) options(ctx context.Context, store *checkpoint.Store, step rewind.Step) ([]checkpoint.WriteOption, error) {
	if !s.asPlanned {
		return s.opts, nil
	}
	opts, err := step.AsPlanned(ctx, store)
	return append(opts, s.opts...), err
}

// rewindTo makes one step, and says what that did.
func (a *app) rewindTo(
	ctx context.Context, store *checkpoint.Store, s rewind.Step, opts []checkpoint.WriteOption,
) (checkpoint.Checkpoint, error) {
	c, notes, err := s.Make(ctx, store, opts...)
	for _, note := range notes {
		a.note("%s", note)
	}
	return c, a.changeError(err, fmt.Sprintf("%q may have been rewound", s.Before.Key), byHistory)
}
