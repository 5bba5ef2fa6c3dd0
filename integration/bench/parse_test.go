package main

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	got, err := parse(`goos: linux
pkg: example.com/store
BenchmarkStore/SetIfNewer/goroutines=1-2         	    6456	     82422 ns/op	     12133 ops/s	    1131 B/op	      33 allocs/op
BenchmarkStore/Apply/batch=100   	   94176	      6485 ns/op	 1.5e+05 ops/s
BenchmarkAppendFsync-16 	 100	 500000 ns/op
--- BENCH: BenchmarkStore
PASS
ok  	example.com/store	10.499s
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []measurement{
		{"BenchmarkStore/SetIfNewer/goroutines=1", 12133, 33},
		{"BenchmarkStore/Apply/batch=100", 150000, -1},
		{"BenchmarkAppendFsync", 2000, -1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for name, line := range map[string]string{
		"no number":       "BenchmarkStore/GetAll-2 100 x ns/op 3 ops/s",
		"no rate":         "BenchmarkStore/GetAll-2 100 3 B/op",
		"a rate of zero":  "BenchmarkStore/GetAll-2 100 0 ns/op",
		"cut off":         "BenchmarkStore/GetAll-2 100 35",
		"only its name":   "BenchmarkStore/GetAll-2",
		"a lone value":    "BenchmarkStore/GetAll-2 100 3 ns/op 5",
		"no count":        "BenchmarkStore/GetAll-2 ten 3 ns/op",
		"nothing done":    "BenchmarkStore/GetAll-2 0 3 ns/op",
		"less than none":  "BenchmarkStore/GetAll-2 100 -3 ns/op",
		"not a number":    "BenchmarkStore/GetAll-2 100 NaN ops/s",
		"without an end":  "BenchmarkStore/GetAll-2 100 +Inf ops/s",
		"among good ones": "BenchmarkStore/Get-2 1 3 ns/op\nBenchmarkStore/GetAll-2 1\nBenchmarkStore/Apply-2 1 3 ns/op",
	} {
		if got, err := parse(line); err == nil || !strings.Contains(err.Error(), "BenchmarkStore/GetAll-2") {
			t.Errorf("%s: parse(%q) = %v, %v, want an error that shows the line", name, line, got, err)
		}
	}
}

func TestParseRedisBenchmark(t *testing.T) {
	got, err := parseRedisBenchmark(`WARNING: Could not fetch server CONFIG
"test","rps","avg_latency_ms","min_latency_ms"
"EVALSHA 2fd4 1 checkpoint:consumer/__rand_int__","219512.20","0.100","0.008"
`)
	if err != nil || got != 219512.20 {
		t.Errorf("got %v, %v, want 219512.20", got, err)
	}
	for _, output := range []string{"", "Error from server: NOSCRIPT No matching script.\n", `"HSET","inf","0.1"`, `"HSET","0.00","0.1"`} {
		if got, err := parseRedisBenchmark(output); err == nil {
			t.Errorf("parseRedisBenchmark(%q) = %v, want an error", output, got)
		}
	}
}
