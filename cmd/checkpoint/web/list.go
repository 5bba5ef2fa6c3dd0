package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/gate"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// pageSize is how many consumers a page lists.
const pageSize = 100

// A query says which rows a viewer wants to see.
type query struct {
	Find  string      // a pattern, or a part of a key
	State watch.State // empty: all
	Sort  string      // one of watch.Orders
	Page  int         // from 1 up
}

func queryOf(values url.Values) (query, error) {
	q := query{Find: values.Get("find"), State: watch.State(values.Get("state")), Sort: values.Get("sort"), Page: 1}
	if q.Sort == "" {
		q.Sort = "state"
	}
	if page := values.Get("page"); page != "" {
		n, err := strconv.Atoi(page)
		if err != nil || n < 1 {
			return q, fmt.Errorf("the page is %q: want a number from 1 up", page)
		}
		q.Page = n
	}
	return q, q.check()
}

func (q *query) check() error {
	switch {
	case watch.Orders[q.Sort] == nil:
		return fmt.Errorf("the order is %q: want state, key, lag or age", q.Sort)
	case q.State != "" && !slices.Contains(watch.States, q.State):
		return fmt.Errorf("the state is %q: there is no such state", q.State)
	}
	return nil
}

// at is the address of page with the query.
func (q query) at(page string) string {
	number := ""
	if q.Page > 1 {
		number = strconv.Itoa(q.Page)
	}
	order := q.Sort
	if order == "state" {
		order = ""
	}
	return to(page, "find", q.Find, "state", string(q.State), "sort", order, "page", number)
}

// matches reports whether a key has the text to find within it, or matches the pattern to
// find.
func (q *query) matches(key string) bool {
	if checkpoint.QuotePattern(q.Find) == q.Find {
		return strings.Contains(key, q.Find)
	}
	return checkpoint.MatchPattern(q.Find, key)
}

// A chip is a link to the consumers in one state.
type chip struct {
	State   string // or "all"
	Count   int
	URL     string
	Current bool
}

// A listing is what the page of the list shows.
type listing struct {
	frame
	query

	Known    bool // otherwise nothing is known of the store
	Rows     []watch.Row
	Chips    []chip
	Count    int // of rows on all pages
	From, To int // the numbers of the rows on this page, from 1 up
	Previous string
	Next     string
	Hidden   map[string]string // what the form of the filter keeps
	Orders   []string
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	q, err := queryOf(r.URL.Query())
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	v := s.poller.look(r.Context(), patience)
	code := http.StatusOK
	if !v.known() {
		code = http.StatusServiceUnavailable
	}
	render(w, code, "list", s.listing(r, &v, q))
}

func (s *server) listing(r *http.Request, v *view, q query) *listing {
	l := &listing{
		frame: s.frame(r, v), query: q, Known: v.known(), Hidden: map[string]string{"state": string(q.State)},
		Orders: []string{"state", "key", "lag", "age"},
	}
	l.Events = q.at("events")
	found := make([]watch.Row, 0, len(v.rows))
	for _, row := range v.rows {
		if q.matches(row.Key) {
			found = append(found, row)
		}
	}
	l.chips(found)
	if q.State != "" {
		found = slices.DeleteFunc(found, func(row watch.Row) bool { return row.State != q.State })
	}
	watch.Sort(found, q.Sort)
	l.turn(found)
	return l
}

// chips counts the states of all rows that match.
func (l *listing) chips(rows []watch.Row) {
	of := func(state watch.State) string {
		q := l.query
		q.State, q.Page = state, 1
		return q.at("./")
	}
	l.Chips = append(l.Chips, chip{"all", len(rows), of(""), l.State == ""})
	count := watch.Count(rows)
	for _, state := range watch.States {
		if count[state] > 0 || l.State == state {
			l.Chips = append(l.Chips, chip{string(state), count[state], of(state), l.State == state})
		}
	}
}

// turn takes the rows of the page. A page past the last one is the last one: rows go
// while somebody looks.
func (l *listing) turn(rows []watch.Row) {
	pages := max(1, (len(rows)+pageSize-1)/pageSize)
	l.Page = min(l.Page, pages)
	first := (l.Page - 1) * pageSize
	l.Rows = rows[first:min(first+pageSize, len(rows))]
	l.Count, l.From, l.To = len(rows), first+1, first+len(l.Rows)
	turned := func(by int) string {
		q := l.query
		q.Page += by
		return q.at("./")
	}
	if l.Page > 1 {
		l.Previous = turned(-1)
	}
	if l.Page < pages {
		l.Next = turned(1)
	}
}

// A frame is what each page shows.
type frame struct {
	Title  string
	Events string // the address of the stream that replaces the live part
	Write  bool
	Fault  string // why the rows are old
	Read   time.Time
	Actor  string
	LogOut bool // the viewer has logged in
	Groups bool // the store has groups
}

func (s *server) frame(r *http.Request, v *view) frame {
	f := frame{Title: "Consumers", Write: s.opts.Write, Fault: s.poller.fault(v, time.Now()), Read: v.at, LogOut: gate.InSession(r), Groups: len(v.groups) > 0}
	if s.opts.Write {
		f.Actor = s.actor(r)
	}
	return f
}
