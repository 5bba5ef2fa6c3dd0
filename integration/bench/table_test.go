package main

import (
	"testing"
	"time"
)

func TestContestTable(t *testing.T) {
	c := contest{
		names:  []string{"SetIfNewer/goroutines=1", "SetIfNewer/goroutines=64", "Apply/batch=100", "GetAll"},
		ours:   rates{"SetIfNewer/goroutines=1": 1234.5, "SetIfNewer/goroutines=64": 98765, "Apply/batch=100": 2000, "GetAll": 7},
		limits: rates{"SetIfNewer/goroutines=1": 1000, "SetIfNewer/goroutines=64": 200000, "Apply/batch=100": 4},
		rivals: []rival{{"x", "another"}},
		theirs: map[string]rates{"x": {"SetIfNewer/goroutines=1": 2469, "SetIfNewer/goroutines=64": 9876.5, "Apply/batch=100": 2000, "GetAll": 70}},
	}
	want := `| call | this store | limit | ratio | another | ratio |
| --- | ---: | ---: | ---: | ---: | ---: |
| SetIfNewer, 1 goroutine | 1,230 | 1,000 | 1.23 | 2,470 | 0.50 |
| SetIfNewer, 64 goroutines | 98,800 | 200,000 | 0.49 | 9,880 | 10.00 |
| Apply, batches of 100 | 2,000 | 4 | 500 | 2,000 | 1.00 |
| GetAll | 7 | – | – | 70 | 0.10 |
`
	if got := markdown(c.table()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestContestThatIsNotComplete(t *testing.T) {
	c := contest{
		names: []string{"Get/goroutines=1"}, ours: rates{"Get/goroutines=1": 5},
		rivals: []rival{{"x", "another"}}, theirs: map[string]rates{"x": {}},
	}
	if err := c.complete(); err == nil {
		t.Error("a rival that was not measured is no error")
	}
	if err := new(contest).complete(); err == nil {
		t.Error("no benchmark is no error")
	}
}

func TestThroughputIsInTheOrderOfGoroutines(t *testing.T) {
	points := overConcurrency(rates{
		single + "1024": 3, single + "1": 1, single + "64": 2, "Get/goroutines=16": 9, single + "256": 0,
	})
	if len(points) != 3 || points[0].X != 1 || points[1].X != 64 || points[2].X != 1024 || points[2].Y != 3 {
		t.Errorf("got %v", points)
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

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		250: "250 ns", 1234: "1.23 µs", 56_789_000: "56.8 ms", 1_500_000_000: "1.5 s",
	} {
		if got := duration(d); got != want {
			t.Errorf("duration(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestEventWords(t *testing.T) {
	for name, want := range map[string]string{
		"BenchmarkTrackAck/window=1000":        "tracker, Track and Ack, 1000 in flight",
		"BenchmarkTrackAck/random/window=1000": "tracker, Track and Ack, in random order, 1000 in flight",
		"BenchmarkTrackAck/oldest/window=1000": "tracker, Track and Ack, the oldest never, 1000 in flight",
		"BenchmarkRun/keys=1/workers=2":        "tracker, Run, 1 ordering key, 2 workers",
		"BenchmarkRun/unordered/workers=1":     "tracker, Run, unordered, 1 worker",
		"BenchmarkTrackDone/window=1":          "tracker, Track and Done, 1 in flight",
	} {
		if got := eventWords("tracker", name); got != want {
			t.Errorf("eventWords(%q) = %q, want %q", name, got, want)
		}
	}
}
