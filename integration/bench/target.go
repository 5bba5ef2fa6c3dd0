package main

import (
	"fmt"
	"math"
)

// A target is something that the store should reach.
type target struct {
	id     string // of its note in notes.md.tmpl
	part   string
	what   string
	want   float64
	atMost bool // otherwise at least
	unit   string
}

var targets = []target{
	{id: "redis-alone", part: "redis", want: 0.95, what: "Redis, SetIfNewer by 1 goroutine: over plain go-redis"},
	{id: "redis-256", part: "redis", want: 0.6, what: "Redis, SetIfNewer by 256 goroutines: over the limit"},
	{id: "redis-1024", part: "redis", want: 0.8, what: "Redis, SetIfNewer by 1024 goroutines: over the limit"},
	{id: "redis-batch", part: "redis", want: 0.9, what: "Redis, Apply in batches of 1000: over the limit"},
	{id: "script-equal", part: "redis", want: 0.85, what: "Redis, the script with an equal position: over HGET and HSET in a script"},
	{id: "script-grows", part: "redis", want: 0.85, what: "Redis, the script with a newer position: over HGET and HSET in a script"},
	{id: "script-fenced", part: "redis", want: 0.85, what: "Redis, the script with an epoch: over HGET and HSET in a script"},
	{id: "redis-getall", part: "redis", want: 0.5, what: "Redis, GetAll: over HGETALL in pipelines"},
	{id: "redis-getall-heap", part: "redis", want: 64, atMost: true, unit: "MiB", what: "Redis, GetAll: heap beside the set of keys seen"},
	{id: "redis-clear", part: "redis", want: 1.3, atMost: true, what: "Redis, Clear: time over that of a SCAN and UNLINK loop"},
	{id: "ping-getall", part: "redis", want: 3, atMost: true, what: "Redis, p99 of another client during GetAll: over an idle server's"},
	{id: "ping-clear", part: "redis", want: 3, atMost: true, what: "Redis, p99 of another client during Clear: over an idle server's"},
	{id: "sqlite-1", part: "sqlite", want: 0.9, what: "SQLite, SetIfNewer by 1 goroutine: over append and fsync"},
	{id: "sqlite-64", part: "sqlite", want: 20, what: "SQLite, SetIfNewer by 64 goroutines: over append and fsync"},
	{id: "sqlite-512", part: "sqlite", want: 35, what: "SQLite, SetIfNewer by 512 goroutines: over append and fsync"},
	{id: "sqlite-getall", part: "sqlite", want: 500_000, unit: "a second", what: "SQLite, GetAll of the largest store"},
	{id: "memory-time", part: "memory", want: 300, atMost: true, unit: "ns", what: "memstore, SetIfNewer by 1 goroutine, the whole call"},
	{id: "memory-allocs", part: "memory", want: 1, atMost: true, unit: "allocations", what: "memstore, SetIfNewer by 1 goroutine, the whole call"},
	{id: "command-time", part: "command", want: 30, atMost: true, unit: "ms", what: "`checkpoint get` on SQLite, a new process, the median"},
	{id: "command-memory", part: "command", want: 30, atMost: true, unit: "MiB", what: "`checkpoint get` on SQLite, resident memory at its highest"},
}

func findTarget(id string) (target, bool) {
	for _, t := range targets {
		if t.id == id {
			return t, true
		}
	}
	return target{}, false
}

func (t target) met(measured float64) bool {
	if t.atMost {
		return measured <= t.want
	}
	return measured >= t.want
}

// reach records what was measured for a target.
func (r *report) reach(id string, measured float64) {
	t, ok := findTarget(id)
	switch {
	case !ok:
		r.fail(fmt.Errorf("there is no target %q", id))
	case math.IsNaN(measured) || math.IsInf(measured, 0) || measured < 0 || measured == 0 && t.unit != "allocations" && t.unit != "MiB":
		r.fail(fmt.Errorf("the target %s: %v cannot have been measured", id, measured))
	default:
		r.measured[id] = measured
	}
}

// compare records how a is to b.
func (r *report) compare(id string, a, b float64) { r.reach(id, a/b) }

// rate is one that must have been measured.
func (r *report) rate(of rates, name string) float64 {
	v := of[name]
	if v <= 0 {
		r.fail(fmt.Errorf("there is no rate of %s", name))
	}
	return v
}

// targetTable shows the targets of the parts that were made.
func (r *report) targetTable() ([][]string, error) {
	rows := [][]string{{"target", "wanted", "measured", "met"}}
	for _, t := range targets {
		if !r.made[t.part] {
			continue
		}
		measured, ok := r.measured[t.id]
		if !ok {
			return nil, fmt.Errorf("the target %s was not measured", t.id)
		}
		bound, met := "at least ", "yes"
		if t.atMost {
			bound = "at most "
		}
		if !t.met(measured) {
			met = "**no**"
		}
		rows = append(rows, []string{t.what, bound + rounded(t.want) + t.suffix(), t.format(measured) + t.suffix(), met})
	}
	return rows, nil
}

func (t target) suffix() string {
	if t.unit == "" {
		return ""
	}
	return " " + t.unit
}

// format shows more digits of a ratio than the table of rates does: it may lie
// close to what is wanted.
func (t target) format(measured float64) string {
	if t.unit == "" && measured < 10 {
		return fmt.Sprintf("%.3f", measured)
	}
	return rounded(measured)
}
