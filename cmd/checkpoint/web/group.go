package web

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// A groupsPage lists the groups.
type groupsPage struct {
	frame

	Known       bool
	Unsupported bool // by the engine
	All         []watch.Group
}

func (s *server) groupsPage(r *http.Request, v *view) *groupsPage {
	p := &groupsPage{frame: s.frame(r, v), Known: v.known(), Unsupported: v.unsupported != nil, All: v.groups}
	p.Title, p.Events = "Groups", to("events", "groups", "all")
	return p
}

func (s *server) groups(w http.ResponseWriter, r *http.Request) {
	v := s.poller.look(r.Context(), patience)
	code := http.StatusOK
	if !v.known() {
		code = http.StatusServiceUnavailable
	}
	render(w, code, "groups", s.groupsPage(r, &v))
}

// A groupPage shows the partitions of a group by member.
type groupPage struct {
	frame

	Known bool
	Name  string
	Group *watch.Group // nil: there is none, as far as is known
}

func (s *server) groupPage(r *http.Request, v *view, name string) *groupPage {
	p := &groupPage{frame: s.frame(r, v), Known: v.known(), Name: name, Group: v.group(name)}
	p.Title, p.Events = name, to("events", "group", name)
	return p
}

func (s *server) group(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	v := s.poller.look(r.Context(), patience)
	p, code := s.groupPage(r, &v, name), http.StatusOK
	switch {
	case !p.Known, p.Group == nil && p.Fault != "":
		code = http.StatusServiceUnavailable
	case p.Group == nil:
		s.fail(w, r, http.StatusNotFound, noGroup(name))
		return
	}
	render(w, code, "group", p)
}

func noGroup(name string) string { return fmt.Sprintf("There is no group %q.", name) }

// apiGroups answers as `checkpoint group list -o json` prints, and apiGroup as `checkpoint
// group describe -o json` does.
func (s *server) apiGroups(w http.ResponseWriter, r *http.Request) {
	v, ok := s.apiView(w, r)
	if !ok {
		return
	}
	if v.unsupported != nil {
		apiError(w, codeOf(v.unsupported), v.unsupported)
		return
	}
	var b bytes.Buffer
	writeLines(w, &b, text.Groups(&b, v.groups))
}

func (s *server) apiGroup(w http.ResponseWriter, r *http.Request) {
	v, ok := s.apiView(w, r)
	if !ok {
		return
	}
	name := r.URL.Query().Get("name")
	g := v.group(name)
	if g == nil {
		apiError(w, http.StatusNotFound, errors.New(noGroup(name)))
		return
	}
	var b bytes.Buffer
	writeLines(w, &b, text.Group(&b, g))
}

// apiView returns the latest view. If the store cannot be read, apiView answers with the
// error: a program would take old rows for new ones.
func (s *server) apiView(w http.ResponseWriter, r *http.Request) (view, bool) {
	v := s.poller.look(r.Context(), s.opts.Timeout)
	if fault := s.poller.fault(&v, time.Now()); fault != "" {
		apiError(w, http.StatusServiceUnavailable, errors.New(fault))
		return v, false
	}
	return v, true
}
