package tracker_test

import (
	"fmt"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/tracker"
)

// Work that ends out of order moves the low watermark only when everything
// before it has ended too.
func Example() {
	var t tracker.Tracker
	// A consumer that resumes stands at its checkpoint.
	if err := t.Skip(checkpoint.Position{Commit: 100, Prepare: 100}); err != nil {
		fmt.Println(err)
	}
	var work []tracker.Token
	for n := uint64(101); n <= 103; n++ {
		token, err := t.Track(checkpoint.Position{Commit: n, Prepare: n})
		if err != nil {
			fmt.Println(err) // the log went back: stop
			return
		}
		work = append(work, token)
	}
	show := func(moved bool) {
		low, _ := t.LowWatermark()
		fmt.Println(low, moved, t.InFlight(), "in flight")
	}
	show(t.Ack(work[2]))
	show(t.Ack(work[0]))
	show(t.Ack(work[0])) // again: changes nothing
	show(t.Ack(work[1]))
	// Output:
	// C:100/P:100 false 2 in flight
	// C:101/P:101 true 1 in flight
	// C:101/P:101 false 1 in flight
	// C:103/P:103 true 0 in flight
}
