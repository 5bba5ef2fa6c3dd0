package main

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	upTo := func(n int) []time.Duration {
		var all []time.Duration
		for i := range n {
			all = append(all, time.Duration(i+1))
		}
		return all
	}
	for _, c := range []struct {
		calls int
		share float64
		want  time.Duration // 0: too few
	}{
		{1, 0.5, 0},
		{2, 0.5, 1},
		{3, 0.5, 2},
		{100, 0.5, 50},
		{99, 0.99, 0},
		{100, 0.99, 99},
		{101, 0.99, 100},
		{1000, 0.99, 990},
		{999, 0.999, 0},
		{1000, 0.999, 999},
		{10_000, 0.999, 9990},
	} {
		got, err := percentile(upTo(c.calls), c.share)
		if got != c.want || errors.Is(err, errTooFew) != (c.want == 0) {
			t.Errorf("the percentile %v of %d is %d, %v; want %d", c.share, c.calls, got, err, c.want)
		}
	}
	for _, share := range []float64{0, 1, -0.5} {
		if _, err := percentile(upTo(10), share); err == nil {
			t.Errorf("the percentile %v is no error", share)
		}
	}
	if cells, found := percentileCells([]time.Duration{3000, 1000, 2000}); cells[0] != "2 µs" || cells[1] != "–" || found[2] != 0 {
		t.Errorf("the cells are %q, %v", cells, found)
	}
}

func TestExtrapolate(t *testing.T) {
	flat := cost{keys: 100_000, write: 10, getAll: 10, delete: 10, bytes: 100}
	next := cost{keys: 1_000_000, write: 10, getAll: 20, delete: 5, bytes: 110}
	got, err := extrapolate([]cost{{keys: 1}, flat, next})
	if err != nil || got.keys != 10_000_000 || got.write != 10 || got.getAll != 40 || got.delete != 2.5 || math.Abs(got.bytes-121) > 1e-9 {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, costs := range map[string][]cost{
		"one":     {flat},
		"none":    nil,
		"nothing": {flat, {keys: 1_000_000, write: 10, getAll: 10, delete: 10}},
		"same":    {flat, flat},
	} {
		if got, err := extrapolate(costs); err == nil {
			t.Errorf("%s: extrapolated to %+v", name, got)
		}
	}
}

func TestStrideMeetsEachKeyOnceAndSpreads(t *testing.T) {
	for _, n := range []int{1, 2, 10, 1000, 10_000, 1_000_000} {
		seen := make([]bool, n)
		for i, key := 0, 0; i < n; i++ {
			if seen[key] {
				t.Fatalf("of %d keys the key %d came twice", n, key)
			}
			seen[key] = true
			key = (key + stride(n)) % n
		}
	}
	const n, batch, parts = 1_000_000, 1000, 10
	var in [parts]int
	for i, key := 0, 0; i < batch; i++ {
		in[key*parts/n]++
		key = (key + stride(n)) % n
	}
	for _, k := range in {
		if k < batch/parts-5 || k > batch/parts+5 {
			t.Errorf("a batch lies in the tenths of the keys like this: %v", in)
			break
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
