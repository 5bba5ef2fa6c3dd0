package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const twoRounds = `processor: a good one
goos: linux
BenchmarkCall/engine=redis/call=Get/goroutines=1/of=store-2   100  50 ns/op  12133 ops/s  900 p99-ns  33 allocs/op
BenchmarkCall/engine=redis/call=Get/goroutines=1/of=goredis-2 100  50 ns/op  6000 ops/s  800 p99-ns
BenchmarkCall/engine=redis/call=GetAll/of=store-2             100  50 ns/op  7 ops/s
BenchmarkCall/engine=sqlite/call=GetAll/of=store-2            100  50 ns/op  9 ops/s
PASS
goos: linux
BenchmarkCall/engine=redis/call=Get/goroutines=1/of=store-2   100  50 ns/op  11000 ops/s  700 p99-ns  33 allocs/op
`

func TestTableShowsTheBestOfEachContestant(t *testing.T) {
	r, err := parse(twoRounds)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.facts) != 1 || r.facts[0][0] != "processor" || r.facts[0][1] != "a good one" {
		t.Errorf("the facts are %q", r.facts)
	}
	columns := append(rates("ops/s", "goredis"),
		column{head: "p99", of: "store", unit: "p99-ns"}, column{head: "ratio", of: "store", over: "goredis", unit: "p99-ns"})
	got, err := table{of: []string{"Call"}, where: "engine=redis", head: "a second", columns: columns}.markdown(r)
	want := `| a second | this store | plain go-redis | ratio | p99 | ratio |
| --- | ---: | ---: | ---: | ---: | ---: |
| Get, goroutines 1 | 12,100 | 6,000 | 2.02 | 700 ns | 1.14 |
| GetAll | 7 | – | – | – | – |
`
	if got != want || err != nil {
		t.Errorf("got\n%s\n%v, want\n%s", got, err, want)
	}
	if got, err := (table{of: []string{"Other"}}).markdown(r); err == nil {
		t.Errorf("a table without rows is %q", got)
	}
}

func TestParseRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for name, line := range map[string]string{
		"no number":      "BenchmarkX/GetAll-2 100 x ns/op 3 ops/s",
		"cut off":        "BenchmarkX/GetAll-2 100 35",
		"only its name":  "BenchmarkX/GetAll-2",
		"no count":       "BenchmarkX/GetAll-2 ten 3 ns/op",
		"nothing done":   "BenchmarkX/GetAll-2 0 3 ns/op",
		"less than none": "BenchmarkX/GetAll-2 100 -3 ns/op",
		"not a number":   "BenchmarkX/GetAll-2 100 NaN ops/s",
		"without an end": "BenchmarkX/GetAll-2 100 +Inf ops/s",
		"failed":         "--- FAIL: BenchmarkX/GetAll",
	} {
		if _, err := parse("BenchmarkX/Get-2 1 3 ns/op\n" + line + "\nPASS\n"); err == nil || !strings.Contains(err.Error(), "BenchmarkX/GetAll") {
			t.Errorf("%s: parse(%q) returned %v, want an error that shows the line", name, line, err)
		}
	}
}

func TestEachTableHasOnePlace(t *testing.T) {
	all := "<!-- bench machine -->\n<!-- bench targets -->\n"
	for _, table := range tables {
		all += "<!-- bench " + table.name + " -->\n| old |\n"
	}
	for name, c := range map[string]struct {
		page string
		ok   bool
	}{
		"all":     {all, true},
		"unknown": {all + "<!-- bench papyrus -->\n", false},
		"twice":   {all + "<!-- bench redis -->\n", false},
		"none":    {strings.Replace(all, "bench redis ", "", 1), false},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "page.md"), []byte(c.page), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readPages(dir); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFormat(t *testing.T) {
	for v, want := range map[float64]string{
		0.1234: "0.123", 7: "7", 99.94: "99.9", 123.4: "123", 999.7: "1,000",
		1234.5: "1,230", 12345: "12,300", 1999999: "2,000,000", 208123456: "208,000,000",
	} {
		if got := rounded(v); got != want {
			t.Errorf("rounded(%v) = %q, want %q", v, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		250: "250 ns", 1234: "1.23 µs", 56_789_000: "56.8 ms", 1_500_000_000: "1.5 s",
	} {
		if got := duration(d); got != want {
			t.Errorf("duration(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestVersionOf(t *testing.T) {
	if got := versionOf("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0"); got != "7.0.15" {
		t.Errorf("got %q", got)
	}
	if got := versionOf("unknown"); got != "unknown" {
		t.Errorf("got %q", got)
	}
}
