package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/intake"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

// taking is one run of a command that takes checkpoints into a store, and what it says.
type taking struct {
	*app

	from, to string // the stores, as they are shown; empty: there is one store
	bar      *progress
	out      *changes
	here     damage
	inSource int    // damaged keys
	past     int    // of these, the ones whose history is damaged
	locked   int    // keys of the source whose leases a cutover takes
	unfenced int    // replaced checkpoints whose consumers no fence locks out
	outcome  string // a note for the end
}

func (a *app) taking(apply bool) *taking {
	return &taking{app: a, bar: a.progress(), out: newChanges(a.stdout, apply)}
}

func (t *taking) run(ctx context.Context, j intake.Job) error {
	j.Progress = func(r intake.Report) { t.bar.show("%d looked at", r.Looked()) }
	r, err := j.Run(ctx)
	t.bar.done()
	if t.unfenced > 0 {
		t.note("%s written without an epoch: no fence stops a running consumer from overwriting; stop it",
			counted(t.unfenced, "checkpoint was", "checkpoints were"))
	}
	known := ""
	if t.out.apply && errors.As(err, new(*checkpoint.Error)) { // some writes of its batch may have been made
		known = "at least "
	}
	fmt.Fprintf(t.out, "%s%d %s, %d are there already, %d are newer there, %d fenced, %d expired, %d damaged; fences raised: %d\n",
		known, r.Written, t.out.written, r.Same, r.Newer, r.Fenced, r.Expired, r.Damaged, r.Raised)
	if err != nil {
		if t.locked > 0 {
			t.note("up to %s taken in %s before the error, and the consumers are locked out there; "+
				"run the command again, or end a lease with `checkpoint lease revoke`", counted(t.locked, "lease was", "leases were"), t.from)
		}
		return err
	}
	if err := t.out.end(r.Written+r.Raised > 0); err != nil {
		return err
	}
	if t.outcome != "" {
		t.note("%s", t.outcome)
	}
	if r.Fenced > 0 {
		err = fmt.Errorf("%w: %s an epoch below the fence of the key", checkpoint.ErrFenced,
			counted(r.Fenced, "checkpoint carries", "checkpoints carry"))
	}
	return errors.Join(err, t.damaged())
}

// say prints a note over the progress.
func (t *taking) say(format string, args ...any) {
	t.bar.done()
	t.note(format, args...)
}

func in(store string) string {
	if store == "" {
		return ""
	}
	return " in " + store
}

// tell says what happens to a key.
func (t *taking) tell(e intake.Event, i *intake.Item) {
	key, from, to := i.From.Key, standingOf(i.From), standingOf(i.To)
	switch e {
	case intake.Changed:
		t.bar.done()
		t.out.wrote(key, i.From.Checkpoint.Position)
	case intake.Raised:
		if to.held() {
			t.say("%q%s: the fence rises to %d, and locks out %s", key, in(t.to), i.Epoch(), to.holder())
		}
	case intake.Ahead:
		t.say("%q stays at %s%s, though it has gone back to %s%s; `checkpoint rewind` brings it there",
			key, rewind.Place(to.Checkpoint.Mark), in(t.to), rewind.Place(from.Checkpoint.Mark), in(t.from))
	case intake.Replaced:
		switch {
		case to.held() && i.Epoch() <= to.Fence.Epoch:
			t.say("%q is leased by %q, which goes on writing over the import; --fence locks it out", key, to.Lease.Owner)
		case to.unfenced():
			t.unfenced++
		}
	case intake.Locked:
		if t.out.apply {
			t.locked++
		}
		if from.held() {
			t.say("%q%s: %s", key, in(t.from), from.lockedOut())
		}
	case intake.Unfenced:
		t.say("%q%s is written without an epoch: nothing keeps its consumer from going on there; stop it", key, in(t.from))
	case intake.Damaged:
		t.damage(i)
	}
}

// damage names the store: a delete must not hit the healthy checkpoint in the other one.
func (t *taking) damage(i *intake.Item) {
	line, where := "", t.to
	if i.Line > 0 {
		line = fmt.Sprintf("line %d: ", i.Line)
	}
	if errors.As(i.Err, new(*intake.SourceError)) {
		where = t.from
		t.inSource++
		if errors.Is(i.Err, checkpoint.ErrCorruptHistory) {
			t.past++
		}
	} else {
		t.here.add(i.Err)
	}
	t.say("%s%q%s: %v", line, i.From.Key, in(where), i.Err)
}

// damaged returns an error that says how to repair the damage. It never advises to write to
// a source: another program may own or read its keys.
func (t *taking) damaged() error {
	var source error
	if t.inSource > 0 {
		remedy := ""
		if t.past > 0 {
			remedy = "; " + transfer.HistoryRemedy + ", then run the command again"
		}
		source = fmt.Errorf("%d damaged in the source, and not copied%s; "+
			"`checkpoint set KEY POSITION` with --store %s stores a checkpoint there", t.inSource, remedy, t.to)
	}
	here := t.here.err()
	if here != nil && t.to != "" {
		here = fmt.Errorf("%w, with --store %s", here, t.to)
	}
	return errors.Join(source, here)
}
