package groups

import (
	"errors"
	"testing"
	"time"
)

// TestSkippedEventsOfARecord: an owner may begin only after what was handled before it, by
// whomever. That owner may have stood still since it got its lease.
func TestSkippedEventsOfARecord(t *testing.T) {
	type tenureOf struct {
		epoch         uint64
		begin         instant
		resumed, last event
	}
	for name, c := range map[string]struct {
		tenures []tenureOf
		skipped bool
	}{
		"goes on":               {[]tenureOf{{1, 10, 0, 5}, {2, 20, 5, 9}}, false},
		"begins too late":       {[]tenureOf{{1, 10, 0, 5}, {2, 20, 7, 9}}, true},
		"stood still":           {[]tenureOf{{1, 10, 0, 5}, {3, 20, 5, 9}, {2, 30, 9, 9}}, false},
		"stood still, too late": {[]tenureOf{{1, 10, 0, 5}, {3, 20, 5, 9}, {2, 30, 10, 10}}, true},
		"before it is handled":  {[]tenureOf{{1, 10, 0, 5}, {2, 20, 9, 9}, {3, 30, 5, 9}}, true},
	} {
		e, w := newEvidence(1), &witness{name: "member", current: make(map[int]*tenure)}
		for _, one := range c.tenures {
			e.consider(w, record{At: one.begin, What: granted, Epoch: one.epoch, Event: one.resumed})
			for n := one.resumed + 1; n <= one.last; n++ {
				e.consider(w, record{At: one.begin + 1, What: handled, Epoch: one.epoch, Event: n})
			}
		}
		e.judgeEvents(e.tenures[0], time.Second)
		if err := e.violations(nil); errors.Is(err, errSkipped) != c.skipped {
			t.Errorf("%s: %v", name, err)
		}
	}
}
