package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/copystore"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
)

// copying is one run of copy, and what it says.
type copying struct {
	*app

	from, to string // the stores, as they are shown
	bar      *progress
	out      *changes
	here     damage
	inSource int // damaged keys
}

func (a *app) runCopy(ctx context.Context, c *copystore.Copy, from string) error {
	run := &copying{
		app: a, from: engine.Redact(from), to: a.shownStore(nil),
		bar: a.progress(), out: newChanges(a.stdout, c.Apply),
	}
	c.Hooks = run.hooks()
	r, err := c.Run(ctx)
	run.bar.done()
	fmt.Fprintf(run.out, "%d %s, %d are there already, %d are newer there, %d fenced, %d damaged; fences raised: %d\n",
		r.Written, run.out.written, r.Same, r.Newer, r.Fenced, r.Damaged, r.Raised)
	if err != nil {
		return err
	}
	if err := run.out.end(r.Written+r.Raised > 0); err != nil {
		return err
	}
	if c.Apply && c.Cutover == "" {
		a.note("%s stays in use, so the copy is a backup; --cutover moves the consumers", run.from)
	}
	return run.damaged()
}

// say prints a note over the progress.
func (c *copying) say(format string, args ...any) {
	c.bar.done()
	c.note(format, args...)
}

func (c *copying) hooks() copystore.Hooks {
	return copystore.Hooks{
		Changes: func(cp checkpoint.Checkpoint) {
			c.bar.done()
			c.out.wrote(cp)
		},
		Ahead: func(key string, there, from checkpoint.Mark) {
			c.say("%q stays at %s in %s, though it has gone back to %s in %s; `checkpoint rewind` brings it there",
				key, rewind.Place(there), c.to, rewind.Place(from), c.from)
		},
		Raises: func(before checkpoint.Cell, to uint64) {
			if s := standingOf(before); s.held() {
				c.say("%q in %s: the fence rises to %d, and locks out %s", before.Key, c.to, to, s.holder())
			}
		},
		Locks: func(before checkpoint.Cell) {
			if s := standingOf(before); s.held() {
				c.say("%q in %s: %s", before.Key, c.from, s.lockedOut())
			}
		},
		Unfenced: func(key string) {
			c.say("%q in %s is written without an epoch: nothing keeps its consumer from going on there; stop it", key, c.from)
		},
		Damage:   c.damage,
		Progress: func(r copystore.Report) { c.bar.show("%d looked at", r.Looked()) },
	}
}

// damage names the store: a delete must not hit the healthy checkpoint in the other one.
func (c *copying) damage(key string, err error) {
	where := c.to
	if errors.As(err, new(*copystore.SourceError)) {
		where = c.from
		c.inSource++
	} else {
		c.here.add(err)
	}
	c.say("%q in %s: %v", key, where, err)
}

// damaged returns an error that says how to repair the damage. It never advises to write to
// the source: another program may own or read its keys.
func (c *copying) damaged() error {
	var source error
	if c.inSource > 0 {
		source = fmt.Errorf("%d damaged in the source, and not copied; "+
			"`checkpoint set KEY POSITION` with --store %s stores a checkpoint there", c.inSource, c.to)
	}
	here := c.here.err()
	if here != nil {
		here = fmt.Errorf("%w, with --store %s", here, c.to)
	}
	return errors.Join(source, here)
}
