package cell_test

import (
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// An engine is a map of cells here. Yours loads the cell of a key, and stores each
// part that has changed, in one transaction.
type engine map[string]cell.Cell

// each has a rule decide on the cell of each item's key. One such function serves
// every method of a driver.
func each[In, Out any](
	e engine, items []In, key func(In) string, rule func(cell.Cell, In, time.Time) (cell.Cell, Out),
) []Out {
	answers := make([]Out, len(items))
	for i, item := range items {
		before, ok := e[key(item)]
		if !ok {
			before = cell.Cell{Key: key(item)}
		}
		after, answer := rule(before, item, time.Now())
		if after != before {
			e[key(item)] = after
		}
		answers[i] = answer
	}
	return answers
}

// The rules of writes and leases are methods that a driver passes as they are.
func Example() {
	e := make(engine)
	acquire := []driver.Lease{{Key: "orders", Owner: "worker-1", TTL: time.Minute}}
	for _, r := range each(e, acquire, func(l driver.Lease) string { return l.Key }, cell.Cell.Acquire) {
		fmt.Println("lease with epoch", r.Lease.Epoch, r.Err)
	}
	write := func(n, epoch uint64) driver.Write {
		mark := driver.Mark{Position: driver.Position{Commit: n, Prepare: n}, UpdatedAt: time.Now(), Epoch: epoch}
		return driver.Write{Key: "orders", Mode: driver.IfNewer, Mark: mark}
	}
	for _, r := range each(e, []driver.Write{write(7, 1), write(6, 1)}, func(w driver.Write) string { return w.Key }, cell.Cell.Write) {
		fmt.Println(r.Outcome, r.Err)
	}
	for _, r := range each(e, []string{"orders", "bills"}, func(key string) string { return key },
		func(c cell.Cell, _ string, now time.Time) (cell.Cell, driver.Record) { return c, c.Record(now) }) {
		fmt.Println(r.Key, r.Position, r.Err)
	}
	// Output:
	// lease with epoch 1 <nil>
	// advanced <nil>
	// stale <nil>
	// orders C:7/P:7 <nil>
	// bills C:0/P:0 not found
}
