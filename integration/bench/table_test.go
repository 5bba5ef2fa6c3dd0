package main

import (
	"strings"
	"testing"
)

func TestStoreTable(t *testing.T) {
	rows := storeRows([]measurement{
		{"BenchmarkStore/SetIfNewer/goroutines=1", 1234.5},
		{"BenchmarkStore/SetIfNewer/goroutines=64", 98765},
		{"BenchmarkAppendFsync", 500},
		{"BenchmarkStore/Apply/batch=100", 2000},
		{"BenchmarkStore/GetAll", 7},
	}, map[string]float64{
		"BenchmarkStore/SetIfNewer/goroutines=1":  1000,
		"BenchmarkStore/SetIfNewer/goroutines=64": 200000,
		"BenchmarkStore/Apply/batch=100":          500,
	})
	var got strings.Builder
	writeStoreTable(&got, rows)
	want := `| call | ops/s | limit | ratio |
| --- | ---: | ---: | ---: |
| SetIfNewer, 1 goroutine | 1,230 | 1,000 | 1.23 |
| SetIfNewer, 64 goroutines | 98,800 | 200,000 | 0.49 |
| Apply, batches of 100 | 2,000 | 500 | 4.00 |
| GetAll | 7 | – | – |
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &got, want)
	}
}

func TestRounded(t *testing.T) {
	for v, want := range map[float64]string{
		0.1234: "0.123", 7: "7", 99.94: "99.9", 123.4: "123", 999.7: "1,000",
		1234.5: "1,230", 12345: "12,300", 1999999: "2,000,000", 208123456: "208,000,000",
	} {
		if got := rounded(v); got != want {
			t.Errorf("rounded(%v) = %q, want %q", v, got, want)
		}
	}
}
