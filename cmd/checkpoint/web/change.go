package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doubt"
	"github.com/checkpointstore/checkpoint/driver"
)

// longestForm is how many bytes the form of a change has at most.
const longestForm = 16 << 10

// An asking is the page that shows a plan and asks for the change.
type asking struct {
	frame
	*plan

	Wrong  string // what keeps the change from being made
	Reason string // as it was typed
	To     string
}

// preview shows a change, and makes none.
func (s *server) preview(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := s.limited(r.Context())
	defer cancel()
	p, err := s.plan(ctx, r.URL.Query())
	if err != nil {
		s.refuse(w, r, p, r.URL.Query(), err)
		return
	}
	s.ask(w, r, p, r.URL.Query(), http.StatusOK, "")
}

// change makes the change that was shown.
func (s *server) change(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, longestForm)
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, http.StatusBadRequest, "The form cannot be read.")
		return
	}
	form := r.PostForm
	ctx, cancel := s.limited(r.Context())
	defer cancel()
	p, err := s.plan(ctx, form)
	if err == nil {
		err = p.agreed(form)
	}
	if err != nil {
		s.refuse(w, r, p, form, err)
		return
	}
	actor, reason := s.actor(r), strings.TrimSpace(form.Get("reason"))
	notes, err := s.make(ctx, p, actor, reason)
	s.opts.Logger.InfoContext(ctx, "a change on the page", slog.String("op", p.Do), slog.String("key", p.Key),
		slog.String("actor", actor), slog.String("reason", reason), slog.Any("error", err))
	s.poller.changed() // after an error, too, it may have been made
	if open, ok := errors.AsType[openError](err); ok {
		render(w, codeOf(open.error), "open", done{frame{Title: "Not known", Write: true, Actor: actor}, p, []string{about(open.error)}})
		return
	}
	if err != nil {
		s.refuse(w, r, p, form, err)
		return
	}
	render(w, http.StatusOK, "done", done{frame{Title: "Done", Write: true, Actor: actor}, p, notes})
}

// An openError leaves open whether a change was made.
type openError struct{ error }

func (e openError) Unwrap() error { return e.error }

func changeError(err error) error {
	if doubt.MayBeMade(err) {
		return openError{err}
	}
	return err
}

// done is the page after a change.
type done struct {
	frame
	*plan

	Notes []string
}

// agreed reports whether a person wants this plan: it is the one that was shown, and the
// person has typed the key and a reason.
func (p *plan) agreed(form url.Values) error {
	switch {
	case p.Asks:
		return refuse(http.StatusUnprocessableEntity, "Choose where to go.")
	case form.Get("epoch") != strconv.FormatUint(p.before.Fence.Epoch, 10):
		return refuse(http.StatusConflict, "Somebody has rewound %q or taken its lease over since you looked. Look again.", p.Key)
	case p.Skips && form.Get("skips") != "true":
		return refuse(http.StatusConflict, "%q has moved, and the change would skip events now. Look again.", p.Key)
	case form.Get("typed") != p.Key:
		return refuse(http.StatusUnprocessableEntity, "Type the key exactly as it is shown.")
	case p.Needs && strings.TrimSpace(form.Get("reason")) == "":
		return refuse(http.StatusUnprocessableEntity, "Say why, for the history.")
	}
	return nil
}

// make makes a change, and returns what people should know of it.
func (s *server) make(ctx context.Context, p *plan, actor, reason string) ([]string, error) {
	by := driver.By{Actor: actor, Reason: reason}
	if p.Do == "undo" {
		by.Op, by.Reason = "undo", p.undo.Reason()+": "+reason
	}
	ctx = driver.WithBy(ctx, by)
	switch p.Do {
	case "pause":
		return []string{fmt.Sprintf("%q is paused", p.Key)}, changeError(s.store.Pause(ctx, p.Key))
	case "resume":
		return []string{fmt.Sprintf("%q is not paused any more", p.Key)}, changeError(s.store.Resume(ctx, p.Key))
	case "revoke":
		fence, err := s.store.Revoke(ctx, p.Key)
		return []string{fmt.Sprintf("the fence of %q went from %d to %d", p.Key, p.before.Fence.Epoch, fence)}, changeError(err)
	}
	var notes []string
	opts, err := p.step.AsPlanned(ctx, s.store)
	if err == nil {
		_, notes, err = p.step.Make(ctx, s.store, opts...)
		err = changeError(err)
	}
	if errors.Is(err, checkpoint.ErrFenced) {
		err = refuse(http.StatusConflict, "Somebody has rewound %q or taken its lease over meanwhile. It stays as it is.", p.Key)
	}
	return notes, err
}

// refuse says why a change was not made. If there is a plan to show, the person can try
// again.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, p *plan, form url.Values, err error) {
	code, text := codeOf(err), "The store says: "+about(err)+"."
	if refused, ok := errors.AsType[*refusal](err); ok {
		code, text = refused.code, refused.text
	}
	if p.Do == "rewind" && p.before.Checkpoint.Exists || p.Moves != nil || len(p.Says) > 0 {
		p.Asks = p.Do == "rewind" && p.Moves == nil
		s.ask(w, r, p, form, code, text)
		return
	}
	s.fail(w, r, code, text)
}

func (s *server) ask(w http.ResponseWriter, r *http.Request, p *plan, form url.Values, code int, wrong string) {
	a := asking{
		frame: frame{Title: p.Do, Write: true, Actor: s.actor(r)}, plan: p,
		Wrong: wrong, Reason: form.Get("reason"), To: form.Get("to"),
	}
	render(w, code, "change", a)
}
