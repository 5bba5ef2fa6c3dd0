package output

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// Groups prints a line for each group.
func Groups(w io.Writer, format string, groups []watch.Group) error {
	switch {
	case format == "json":
		return text.Groups(w, groups)
	case format == "" && !IsTerminal(w):
		for i := range groups {
			if err := row(w, groupCells(&groups[i])...); err != nil {
				return err
			}
		}
		return nil
	case len(groups) == 0:
		return nil
	}
	rows := [][]string{{"GROUP", "MEMBERS", "DRAINED", "PARTITIONS", "HELD", "FREE"}}
	for i := range groups {
		rows = append(rows, groupCells(&groups[i]))
	}
	return align(w, rows, 1, 2, 3, 4, 5)
}

func groupCells(g *watch.Group) []string {
	cells := []string{printable(g.Name)}
	for _, n := range []int{len(g.Members), g.Drained(), len(g.Partitions), g.Held(), g.Free()} {
		cells = append(cells, strconv.Itoa(n))
	}
	return cells
}

// Group prints the partitions, the members and the orders of a group.
func Group(w io.Writer, format string, g *watch.Group) error {
	switch {
	case format == "json":
		return text.Group(w, g)
	case format == "" && !IsTerminal(w):
		return groupPlain(w, g)
	}
	return groupTables(w, format == "wide", g)
}

// groupPlain names the kind of each line first.
func groupPlain(w io.Writer, g *watch.Group) error {
	var lines [][]string
	for i := range g.Partitions {
		p := &g.Partitions[i]
		position := "-"
		if c := p.Row.Cell.Checkpoint; c.Exists && c.Err == nil {
			position = c.Position.String()
		}
		lines = append(lines, []string{
			"partition", printable(p.Name), printable(p.Holder()), optionalMs(p.Row.LeaseLeft), position,
			text.Lag(p.Row), string(p.Row.State), printable(p.Row.Why),
		})
	}
	for i := range g.Members {
		m := &g.Members[i]
		lines = append(lines, []string{
			"member", printable(m.Name), string(m.State), strconv.Itoa(len(m.Holds)), strconv.Itoa(m.Weight),
			printable(m.Host), optionalNumber(m.PID), exact(m.Since), exact(m.SeenAt),
		})
	}
	for i := range g.Orders {
		o := &g.Orders[i]
		lines = append(lines, []string{
			"order", orderText(o), string(o.State), printable(o.Actor), exact(o.At), printable(o.Reason), printable(o.Why),
		})
	}
	for _, line := range lines {
		if err := row(w, line...); err != nil {
			return err
		}
	}
	return nil
}

func groupTables(w io.Writer, wide bool, g *watch.Group) error {
	now, when := time.Now(), text.Ago
	if wide {
		when = func(_, t time.Time) string { return exact(t) }
	}
	partitions := [][]string{{"PARTITION", "MEMBER", "LEASE", "POSITION", "LAG", "STATE"}}
	for i := range g.Partitions {
		p := &g.Partitions[i]
		partitions = append(partitions, []string{
			printable(p.Name), holderText(g, p), text.Lease(p.Row), text.RowPosition(p.Row), text.Lag(p.Row), string(p.Row.State),
		})
	}
	members := [][]string{{"MEMBER", "STATE", "PARTITIONS", "WEIGHT", "HOST", "PID", "SINCE", "SEEN"}}
	for i := range g.Members {
		m := &g.Members[i]
		members = append(members, []string{
			printable(m.Name), string(m.State), strconv.Itoa(len(m.Holds)), strconv.Itoa(m.Weight), printable(m.Host),
			optionalNumber(m.PID), when(now, m.Since), when(now, m.SeenAt),
		})
	}
	orders := [][]string{{"ORDER", "STATE", "BY", "WHEN", "REASON"}}
	for i := range g.Orders {
		o := &g.Orders[i]
		orders = append(orders, []string{orderText(o), orderState(o), printable(o.Actor), when(now, o.At), printable(o.Reason)})
	}
	if err := tables(w, table{partitions, []int{2, 3, 4}}, table{members, []int{2, 3, 5}}, table{orders, nil}); err != nil {
		return err
	}
	rows := make([]watch.Row, len(g.Partitions))
	for i := range g.Partitions {
		rows[i] = g.Partitions[i].Row
	}
	return reasons(w, rows)
}

// A table is a head and rows, and which columns are numbers.
type table struct {
	rows  [][]string
	right []int
}

// tables prints those that have rows, with an empty line between them.
func tables(w io.Writer, all ...table) error {
	printed := false
	for _, t := range all {
		if len(t.rows) == 1 {
			continue
		}
		if printed {
			fmt.Fprintln(w)
		}
		printed = true
		if err := align(w, t.rows, t.right...); err != nil {
			return err
		}
	}
	return nil
}

// holderText says who holds a partition, and whether the holder is no member.
func holderText(g *watch.Group, p *watch.Partition) string {
	holder := p.Holder()
	if holder != "" && g.Member(holder) == nil {
		return printable(holder) + " (no member)"
	}
	return printable(holder)
}

func orderText(o *watch.Order) string {
	switch {
	case o.Drain != "":
		return "drain " + printable(o.Drain)
	case o.Pin != "":
		return "pin " + printable(o.Pin) + " to " + printable(o.To)
	}
	return "-"
}

// OrderLine is an order, and what has become of it, in one line.
func OrderLine(o *watch.Order) string {
	line := orderText(o) + " " + orderState(o)
	if o.Actor != "" {
		line += ", by " + printable(o.Actor)
	}
	if o.Reason != "" {
		line += ": " + printable(o.Reason)
	}
	return line
}

func orderState(o *watch.Order) string {
	if o.Why == "" {
		return string(o.State)
	}
	return string(o.State) + ": " + printable(o.Why)
}

func optionalNumber(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}
