package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
	"github.com/checkpointstore/checkpoint/driver"
)

// facts are the live part of the page of a consumer.
type facts struct {
	frame

	Key  string
	Row  *watch.Row // nil: nothing is stored, as far as is known
	Mark *checkpoint.Mark
	Held bool // somebody holds the lease

	Known bool
}

func (s *server) facts(r *http.Request, v *view, key string) *facts {
	f := &facts{frame: s.frame(r, v), Key: key, Known: v.known()}
	f.Title, f.Events = key, to("events", "key", key)
	i, found := slices.BinarySearchFunc(v.rows, key, func(row watch.Row, key string) int { return strings.Compare(row.Key, key) })
	if !found {
		return f
	}
	f.Row = &v.rows[i]
	if c := &f.Row.Cell.Checkpoint; c.Exists && c.Err == nil {
		f.Mark = &c.Mark
	}
	f.Held = rewind.Held(&f.Row.Cell, time.Now())
	return f
}

// A record is an audit entry, and its number from 1 up.
type record struct {
	checkpoint.AuditEntry

	Number int
	Moved  bool // an undo may put back what it has replaced
}

// A story is the page of a consumer.
type story struct {
	facts

	Chart   *chart
	Samples []checkpoint.Sample // the latest first
	Records []record            // the latest first
	Missing []string            // what could not be read, and why
	Told    bool                // the records are all that there are
}

const (
	mostSamples = 24
	mostRecords = 50
)

func (s *server) consumer(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	v := s.poller.look(r.Context(), patience)
	st := &story{facts: *s.facts(r, &v, key)}
	if checkpoint.ValidateKey(key) == nil {
		s.remember(r.Context(), st)
	}
	code := http.StatusOK
	switch {
	case !st.Known, st.Row == nil && st.Fault != "":
		code = http.StatusServiceUnavailable
	case st.Row == nil && len(st.Records) == 0 && len(st.Samples) == 0 && len(st.Missing) == 0:
		s.fail(w, r, http.StatusNotFound, fmt.Sprintf("Nothing is stored for the key %q, and it has no history.", key))
		return
	}
	render(w, code, "consumer", st)
}

// remember reads what the store has kept of a key. What cannot be read is said, and does
// not look as if there were nothing.
func (s *server) remember(ctx context.Context, st *story) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	entries, err := s.store.History(ctx, st.Key, driver.AuditEntries)
	st.miss("audit entries", err)
	st.Told = err == nil
	for i, e := range entries {
		st.Records = append(st.Records, record{e, 1 + i, e.Old != nil && moved(&e)})
	}
	samples, err := s.store.Samples(ctx, st.Key)
	st.miss("samples", err)
	st.Chart = chartOf(samples, entries, st.Mark, time.Now())
	st.Samples = samples[:min(len(samples), mostSamples)]
	st.Records = st.Records[:min(len(st.Records), mostRecords)]
}

// moved reports whether an entry has changed the position.
func moved(e *checkpoint.AuditEntry) bool {
	if e.Old == nil || e.New == nil {
		return e.Old != e.New
	}
	return *e.Old != *e.New
}

func (st *story) miss(what string, err error) {
	switch {
	case err == nil:
	case errors.Is(err, checkpoint.ErrUnsupported):
		st.Missing = append(st.Missing, "The engine keeps no "+what+".")
	default:
		st.Missing = append(st.Missing, "The "+what+" cannot be read: "+about(err)+".")
	}
}
