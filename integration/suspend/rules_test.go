package suspend

import (
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// at is n milliseconds after the start.
func at(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }

func grant(epoch uint64, when int) record { return record{What: granted, Epoch: epoch, At: at(when)} }

// event is one whose handler found its context alive at each time in alive, and ended at
// end.
func event(epoch, n uint64, end int, alive ...int) record {
	r := record{What: handled, Epoch: epoch, Event: n, At: at(end)}
	for _, when := range alive {
		r.Alive = append(r.Alive, at(when))
	}
	return r
}

// repeated is n times at when.
func repeated(n, when int) []int {
	times := make([]int, n)
	for i := range times {
		times[i] = when
	}
	return times
}

// TestRules: each rule finds what breaks it, and nothing else.
func TestRules(t *testing.T) {
	for name, c := range map[string]struct {
		records []record
		want    string // of the error, or "": none
	}{
		"a good take-over": {[]record{
			grant(1, 0), event(1, 1, 20, 10), event(1, 2, 500, 30, 35), grant(2, 400), event(2, 2, 420, 410), event(2, 3, 440, 430),
		}, ""},
		"a handler that is called off in time": {[]record{
			grant(1, 0), event(1, 1, 500, append([]int{10}, repeated(mostAlive, 450)...)...), grant(2, 400),
		}, ""},
		"a handler that is not": {[]record{
			grant(1, 0), event(1, 1, 500, append([]int{10}, repeated(mostAlive+1, 450)...)...), grant(2, 400),
		}, "found its context alive 11 times"},
		"a second event after the next grant": {[]record{
			grant(1, 0), event(1, 1, 410, 10), event(1, 2, 420, 415), grant(2, 400),
		}, "event 2: it began 15ms after epoch 2 was granted"},
		"events that begin late again and again": {[]record{
			grant(1, 0), event(1, 1, 420, 410), grant(2, 400), event(2, 2, 820, 810), grant(3, 800),
		}, "in 2 of 2 take-overs"},
		"an epoch that goes back":  {[]record{grant(2, 0), grant(1, 400)}, "epoch 1 was granted after epoch 2"},
		"an epoch with two grants": {[]record{grant(1, 0), grant(1, 400)}, "epoch 1 was granted after epoch 1"},
		"an epoch without a grant": {[]record{grant(1, 0), event(2, 1, 20, 10)}, "was not granted"},
		"an end for another reason": {[]record{
			grant(1, 0), {What: ended, Epoch: 1, Why: leaseLost}, grant(2, 400), {What: ended, Epoch: 2, Why: "the disk is full"},
		}, "the tenure of epoch 2 ended for no good reason: the disk is full"},
	} {
		t.Run(name, func(t *testing.T) {
			v := judge(c.records)
			switch err := v.err(); {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("found %v; want %q", err, c.want)
			}
		})
	}
}
