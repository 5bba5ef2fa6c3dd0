package subscription

import "testing"

// TestGroupThatNeverRunsOut: a consumer that catches up has an event of a busy
// group waiting all the time, for as many events as the log has.
func TestGroupThatNeverRunsOut(t *testing.T) {
	const waiting, events = 10, 100_000
	q := newSchedule[int](1)
	add := func(n int) {
		if err := q.add(t.Context(), "busy", item[int]{event: n}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range waiting {
		add(n)
	}
	g := <-q.ready
	for n := range events {
		if g.next.event != n {
			t.Fatalf("event %d comes where %d should", g.next.event, n)
		}
		add(waiting + n)
		if g = q.handled(g); g == nil {
			t.Fatal("the group is given up with events left")
		}
	}
	if room := cap(g.rest); room > 8*waiting {
		t.Errorf("after %d events the group has room for %d, want some for the %d that wait", events, room, waiting)
	}
}
