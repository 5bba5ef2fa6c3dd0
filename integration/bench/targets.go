package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// A target is what one figure of BenchmarkTarget/<of> should be. The median of all rounds
// counts.
type target struct {
	of           string
	work, beside string
	unit         string
	want         float64
}

const (
	ratio       = "ratio"    // at least
	p99         = "p99-ns"   // below
	allocations = "allocs/x" // at most; Go itself prints allocs/op
	share       = "core-%"   // below
)

const (
	limitOfScript = "the server's limit for the script"
	hgetHSET      = "a script of HGET and HSET"
	appendFsync   = "append and fsync"
	onMemstore    = "the same on memstore"
)

var targets = []target{
	{"engine=redis/call=SetIfNewer/goroutines=1", "Redis SetIfNewer, 1 caller", "plain go-redis", ratio, 0.95},
	{"engine=redis/call=SetIfNewer/goroutines=256", "Redis SetIfNewer, 256 callers", limitOfScript, ratio, 0.65},
	{"engine=redis/call=SetIfNewer/goroutines=1024", "Redis SetIfNewer, 1,024 callers", limitOfScript, ratio, 0.85},
	{"engine=redis/call=Apply/batch=1000", "Redis Apply, batches of 1,000", limitOfScript, ratio, 1},
	{"engine=redis/server=newer", "Redis, a newer write of a batch: the server's time", hgetHSET, ratio, 0.9},
	{"engine=redis/server=epoch", "Redis, a newer write with an epoch of a batch: the server's time", hgetHSET, ratio, 0.75},
	{"engine=redis/call=Get/goroutines=1", "Redis Get, 1 caller", "rueidis", ratio, 0.95},
	{"engine=redis/call=Get/goroutines=256", "Redis Get, 256 callers", "rueidis", ratio, 1},
	{"engine=redis/call=Get/goroutines=1024", "Redis Get, 1,024 callers", "rueidis", ratio, 0.95},
	{"engine=redis/call=GetAll", "Redis GetAll of a large store", "plain go-redis, pipelined HGETALL", ratio, 0.8},
	{"engine=redis/walk", "Redis, the slowest command of GetAll, p99", "", p99, 1e6},
	{"engine=redis/replicas=2", "Redis SetIfNewer, 64 callers, MinReplicas 2", "the same without MinReplicas", ratio, 0.5},
	{"engine=sqlite/call=Get/goroutines=1", "SQLite Get, 1 caller", "plain SQL", ratio, 2.5},
	{"engine=sqlite/call=GetAll", "SQLite GetAll of a large store", "plain SQL", ratio, 0.9},
	{"engine=sqlite/call=SetIfNewer/goroutines=1", "SQLite SetIfNewer, 1 caller", appendFsync, ratio, 0.9},
	{"engine=sqlite/call=SetIfNewer/goroutines=512", "SQLite SetIfNewer, 512 callers", appendFsync, ratio, 40},
	{"engine=memory/call=SetIfNewer/goroutines=1", "memstore SetIfNewer, 1 caller", "a map under one mutex", ratio, 0.12},
	{"engine=memory/call=SetIfNewer/goroutines=1", "memstore SetIfNewer, allocations", "", allocations, 1},
	{"engine=redis/subscription", "a subscription on Redis, FlushEvery 100", onMemstore, ratio, 0.9},
	{"engine=sqlite/subscription", "a subscription on SQLite, FlushEvery 100", onMemstore, ratio, 0.9},
	{"engine=redis/lone", "a lone consumer on Redis, one flush a second", "", share, 0.1},
	{"engine=sqlite/lone", "a lone consumer on SQLite, one flush a second", "", share, 0.1},
}

// measured is what r has for t.
func (t target) measured(r *report) (float64, error) {
	for _, res := range r.results {
		if figures := res.values[t.unit]; res.name == "Target" && strings.Join(res.labels, "/") == t.of && len(figures) > 0 {
			return median(figures), nil
		}
	}
	return 0, fmt.Errorf("no benchmark measured the target %s of %s", t.unit, t.of)
}

func (t target) met(v float64) bool {
	switch t.unit {
	case ratio:
		return v >= t.want
	case allocations:
		return v <= t.want
	}
	return v < t.want
}

func (t target) wanted() string {
	switch t.unit {
	case ratio:
		return fmt.Sprintf("%.2f", t.want)
	case allocations:
		return "at most " + t.shown(t.want)
	}
	return "under " + t.shown(t.want)
}

// shown never rounds a ratio up to what was wanted.
func (t target) shown(v float64) string {
	switch t.unit {
	case ratio:
		return fmt.Sprintf("%.2f", math.Floor(v*100)/100)
	case p99:
		return duration(time.Duration(v))
	case share:
		return rounded(v) + " % of a core"
	}
	return rounded(v)
}

// targetTable is a row for each target. A target that was not measured is an error.
func targetTable(r *report) (string, error) {
	rows := [][]string{{"work", "beside", "at least", "measured"}}
	var errs []error
	for _, t := range targets {
		v, err := t.measured(r)
		errs = append(errs, err)
		cells := []string{t.work, t.beside, t.wanted(), t.shown(v)}
		if t.beside == "" {
			cells[1] = "–"
		}
		if !t.met(v) {
			cells[3] += ", missed"
		}
		rows = append(rows, cells)
	}
	return grid(rows), errors.Join(errs...)
}

// writeVerdict says which targets are met, and which are not.
func writeVerdict(r *report, out io.Writer) error {
	var met, missed []string
	for _, t := range targets {
		v, err := t.measured(r)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("  %s: %s, want %s\n", t.work, t.shown(v), t.wanted())
		if t.met(v) {
			met = append(met, line)
		} else {
			missed = append(missed, line)
		}
	}
	_, err := fmt.Fprintf(out, "%d targets are met:\n%s%d targets are missed:\n%s",
		len(met), strings.Join(met, ""), len(missed), strings.Join(missed, ""))
	return err
}
