package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/driver"
)

// A refusal says why a change cannot be made, and with which status to say so.
type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string { return r.text }

func refuse(code int, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// A plan is a change as it is shown before it is made.
type plan struct {
	Do  string // rewind, undo, pause, resume or revoke
	Key string

	Says   []string    // what the change does
	Moves  *move       // of a rewind and an undo
	Skips  bool        // nobody will do the events between
	Asks   bool        // the target of a rewind is not chosen yet
	Needs  bool        // a reason
	Hidden [][2]string // the fields that say the same again when the change is made

	before checkpoint.Cell
	step   rewind.Step
	undo   rewind.Undo
}

// A move is where a key stands, and where it goes.
type move struct {
	Before   *checkpoint.Position // nil: it has no sound checkpoint
	After    checkpoint.Position
	KnownAt  time.Time // when it is known to have stood there; zero: that does not matter
	Effect   string
	LocksOut string
}

// planners plan each change from the fields of a form.
var planners = map[string]func(*server, context.Context, *plan, url.Values) error{
	"rewind": (*server).planRewind, "undo": (*server).planUndo,
	"pause": (*server).planPause, "resume": (*server).planResume, "revoke": (*server).planRevoke,
}

// plan plans the change that a form describes, from what is stored now.
func (s *server) plan(ctx context.Context, form url.Values) (*plan, error) {
	p := &plan{Do: form.Get("do"), Key: form.Get("key"), Needs: form.Get("do") != "resume"}
	planner, ok := planners[p.Do]
	if !ok {
		return p, refuse(http.StatusBadRequest, "There is no change %q.", p.Do)
	}
	var err error
	if p.before, err = rewind.Before(ctx, s.store, p.Key); err != nil {
		return p, err
	}
	p.hide("do", p.Do)
	p.hide("key", p.Key)
	p.hide("epoch", strconv.FormatUint(p.before.Fence.Epoch, 10))
	return p, planner(s, ctx, p, form)
}

func (p *plan) hide(name, value string) { p.Hidden = append(p.Hidden, [2]string{name, value}) }

func (p *plan) say(format string, args ...any) { p.Says = append(p.Says, fmt.Sprintf(format, args...)) }

func (s *server) planRewind(ctx context.Context, p *plan, form url.Values) error {
	if !p.before.Checkpoint.Exists {
		return refuse(http.StatusNotFound, "There is no checkpoint %q.", p.Key)
	}
	if form.Get("to") == "" {
		p.Asks = true
		return nil
	}
	target, err := rewind.Where(ctx, s.store, form.Get("to"), time.Now())
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, "It cannot go there: %s.", err)
	}
	return p.move(target)
}

// move plans a step to the target.
func (p *plan) move(target rewind.Target) error {
	p.step = rewind.StepOf(p.before, target)
	switch err := p.step.Err; {
	case errors.As(err, new(*checkpoint.Error)): // a call has failed
		return err
	case err != nil:
		return refuse(http.StatusConflict, "It must stay where it is: %s.", errorText(err))
	}
	now := time.Now()
	p.Skips = p.step.Skips()
	p.Moves = &move{
		After: p.step.Position, KnownAt: p.step.KnownAt, Effect: p.step.Effect(), LocksOut: rewind.LocksOut(&p.before, now),
	}
	if c := p.before.Checkpoint; c.Exists && c.Err == nil {
		p.Moves.Before = &c.Position
	}
	if out := rewind.LockedOut(&p.before, now); out != "" {
		p.say("The rewind raises the fence: %s.", out)
	}
	if rewind.Unfenced(&p.before, now) {
		p.say("A consumer that writes without an epoch is not locked out, and undoes the change with its next write. Stop it first.")
	}
	if p.Do == "rewind" {
		p.hide("to", p.step.Position.String())
	}
	p.hide("skips", strconv.FormatBool(p.Skips))
	return nil
}

// planUndo finds the entry by its time, since each new entry changes the numbers.
func (s *server) planUndo(ctx context.Context, p *plan, form url.Values) error {
	entries, err := s.store.History(ctx, p.Key, driver.AuditEntries)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(entries, func(e checkpoint.AuditEntry) bool { return exact(e.At) == form.Get("at") && e.Op == form.Get("op") })
	if i < 0 {
		return refuse(http.StatusNotFound, "The history of %q has no such entry any more.", p.Key)
	}
	if p.undo, err = rewind.UndoOf(entries, 1+i); err != nil {
		return refuse(http.StatusConflict, "There is nothing to undo: %s.", err)
	}
	p.say("This %s.", p.undo.Reason())
	p.hide("at", form.Get("at"))
	p.hide("op", form.Get("op"))
	if err := p.move(rewind.To(p.undo.To)); err != nil {
		return err
	}
	if p.step.Stays() {
		return refuse(http.StatusConflict, "%q is at %s already, where the entry found it.", p.Key, p.undo.To)
	}
	return nil
}
