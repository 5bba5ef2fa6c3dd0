package top

import (
	"cmp"
	"slices"
	"strings"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// A list is the rows, as far as the filter lets them through, and the one that is selected.
type list struct {
	all    []watch.Row
	order  string // one of watch.Orders
	filter string

	shown    []*watch.Row // of all, sorted
	selected string       // key; "": the first row, whichever this is
	cursor   int          // of the selected row in shown
	first    int          // of the rows on the screen
	table    output.Screen
}

// orders are the orders in the order in which a person steps through them.
var orders = []string{"state", "key", "lag", "age"}

// layout finds the rows to show after a change of the rows, the order, the filter or the
// screen.
func (m *model) layout() {
	l := &m.list
	l.shown = nil
	filter := strings.ToLower(l.filter)
	for i := range l.all {
		if r := &l.all[i]; matches(r, filter) {
			l.shown = append(l.shown, r)
		}
	}
	by := watch.Orders[l.order]
	slices.SortStableFunc(l.shown, func(a, b *watch.Row) int { return cmp.Or(by(*a, *b), cmp.Compare(a.Key, b.Key)) })
	l.cursor = max(0, slices.IndexFunc(l.shown, func(r *watch.Row) bool { return r.Key == l.selected }))
	l.scroll(m.rowsFit())
	width := min(max(m.width/8, 8), mostPaces)
	trails := m.trails
	l.table = output.NewScreen(l.shown, m.width-gutter, func(key string) string { return trails.spark(key, width) })
}

func matches(r *watch.Row, filter string) bool {
	return filter == "" || strings.Contains(strings.ToLower(r.Key), filter) || strings.Contains(string(r.State), filter) ||
		strings.Contains(strings.ToLower(r.Owner), filter)
}

// move selects the row that is n rows away, or the first or last one.
func (l *list) move(n, fit int) {
	if len(l.shown) == 0 {
		return
	}
	l.cursor = min(max(0, l.cursor+n), len(l.shown)-1)
	l.selected = l.shown[l.cursor].Key
	l.scroll(fit)
}

// scroll keeps the selected row among the rows that fit on the screen.
func (l *list) scroll(fit int) {
	l.first = min(l.first, l.cursor, max(0, len(l.shown)-fit))
	l.first = max(l.first, l.cursor-fit+1, 0)
}

// current returns the selected row, or nil if there is none.
func (l *list) current() *watch.Row {
	if l.cursor >= len(l.shown) {
		return nil
	}
	return l.shown[l.cursor]
}
