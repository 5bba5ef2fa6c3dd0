package main

import (
	"io"
	"math"
	"slices"
	"testing"
)

func reportOf(part string) *report {
	r := newReport(settings{}, io.Discard)
	r.made[part] = true
	return r
}

func TestTargetTable(t *testing.T) {
	r := reportOf("sqlite")
	r.compare("sqlite-1", 899, 1000)
	r.compare("sqlite-64", 20_000, 1000)
	r.compare("sqlite-512", 123_456, 1000)
	r.reach("sqlite-getall", 499_999)
	rows, err := r.targetTable()
	if err := r.takeErr(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"at least 0.9", "0.899", "**no**"},
		{"at least 20", "20", "yes"},
		{"at least 35", "123", "yes"},
		{"at least 500,000 a second", "500,000 a second", "**no**"},
	}
	if len(rows) != 1+len(want) {
		t.Fatalf("the table is %v", rows)
	}
	for i, w := range want {
		if !slices.Equal(rows[i+1][1:], w) {
			t.Errorf("row %d is %q, want %q", i+1, rows[i+1], w)
		}
	}
	v := view{r}
	missed, err := v.Missed()
	if err != nil || v.Met() != 2 || v.Known() != 4 || len(missed) != 2 || missed[0].Note == "" {
		t.Errorf("%d of %d are met, missed are %q, %v", v.Met(), v.Known(), missed, err)
	}
}

func TestTargetsAtMost(t *testing.T) {
	for measured, want := range map[float64]bool{1.29: true, 1.3: true, 1.31: false} {
		r := reportOf("redis")
		r.compare("redis-clear", measured, 1)
		bound, _ := findTarget("redis-clear")
		if got := bound.met(r.measured["redis-clear"]); got != want {
			t.Errorf("%v is met: %v, want %v", measured, got, want)
		}
	}
}

func TestTargetThatWasNotMeasured(t *testing.T) {
	if rows, err := reportOf("command").targetTable(); err == nil {
		t.Errorf("the table without a measurement is %v", rows)
	}
	for name, spoil := range map[string]func(r *report){
		"no target":    func(r *report) { r.reach("papyrus", 1) },
		"over nothing": func(r *report) { r.compare("sqlite-1", 1, 0) },
		"nothing":      func(r *report) { r.compare("sqlite-1", 0, 1) },
		"no number":    func(r *report) { r.reach("command-memory", math.NaN()) },
		"below zero":   func(r *report) { r.reach("memory-allocs", -1) },
		"no rate":      func(r *report) { r.rate(rates{"a": 1}, "b") },
	} {
		r := newReport(settings{}, io.Discard)
		spoil(r)
		if r.takeErr() == nil || len(r.measured) > 0 {
			t.Errorf("%s: no error, and measured is %v", name, r.measured)
		}
	}
	r := newReport(settings{}, io.Discard)
	r.reach("memory-allocs", 0)
	if err := r.takeErr(); err != nil {
		t.Errorf("no allocation: %v", err)
	}
}

func TestTargetsHaveNamesOfTheirOwnAndAPart(t *testing.T) {
	seen := make(map[string]bool)
	for _, target := range targets {
		if seen[target.id] {
			t.Errorf("two targets are named %s", target.id)
		}
		seen[target.id] = true
		if _, err := choose(target.part); err != nil {
			t.Error(err)
		}
	}
}
