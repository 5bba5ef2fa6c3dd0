package etcdstore

import (
	"context"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// A change is one decision about one key. Several changes of one key are decided in
// turn, and stored in one step.
type change struct {
	key    string
	reads  [parts]bool // the parts that decide looks at
	decide func(cell.Cell, time.Time) decision
	audits bool // whether it mostly leaves an audit entry
	twice  bool // whether it may be made twice while its caller waits: if another leader may not know of it
	again  bool // whether nobody sees that it is made twice, so that it is sent again if its answer was lost

	batch  *batch
	flight *flight // nil: it waits
	ended  bool
	answer any   // what decide answered, if err is nil
	err    error // why there is no answer
	doubt  bool  // whether it may have been made despite err
}

// A decision is what a change makes of the cell of its key.
type decision struct {
	cell    cell.Cell
	answer  any
	entry   *driver.AuditEntry // nil: it leaves none
	sample  *driver.Sample     // nil: it leaves none
	forgets bool               // whether the ledgers of the key go
}

// What a decision looks at, as package cell says.
var (
	readsCheckpoint = [parts]bool{checkpointPart: true}
	readsFenced     = [parts]bool{checkpointPart: true, fencePart: true}
	readsRenewal    = [parts]bool{fencePart: true, leasePart: true, heldPart: true}
	readsLease      = [parts]bool{leasePart: true, heldPart: true}
	readsAll        = [parts]bool{true, true, true, true}
)

// A batch is the changes of one call.
type batch struct {
	left int
	done chan struct{} // closed when left is 0
}

// A queue holds the changes that wait, and those under way. Changes that wait at the
// same time share a transaction.
type queue struct {
	mu      sync.Mutex
	waiting []*change
	busy    map[string]bool // keys under way: a second flight would only be refused
	flights int
	flown   sync.WaitGroup
}

// maxFlights is how many transactions are under way at once. The second one keeps going
// if a key holds up the first. More of them would be smaller, and each costs the servers
// an entry in their logs.
const maxFlights = 2

// do makes changes, and returns once each has ended, or ctx has. It replaces a change
// that goes on after ctx.
func (d *Driver) do(ctx context.Context, changes []*change) {
	if len(changes) == 0 {
		return
	}
	b := &batch{left: len(changes), done: make(chan struct{})}
	q := &d.queue
	q.mu.Lock()
	if err := d.ready(ctx); err != nil {
		q.mu.Unlock()
		for _, c := range changes {
			c.err = err
		}
		return
	}
	for _, c := range changes {
		c.batch = b
	}
	q.waiting = append(q.waiting, changes...)
	var mine *flight
	if q.flights == 0 { // nothing else waits
		mine = d.take()
		q.flights++
		q.flown.Add(1)
	}
	d.start()
	q.mu.Unlock()
	if mine != nil {
		d.flyAlone(ctx, mine, b, changes)
	}
	select {
	case <-b.done:
	case <-ctx.Done():
		q.abandon(b, changes, ctx.Err())
	}
}

// start begins flights for the changes that wait. q.mu is locked.
func (d *Driver) start() {
	q := &d.queue
	for q.flights < maxFlights {
		f := d.take()
		if f == nil {
			return
		}
		q.flights++
		q.flown.Go(func() { d.fly(f) })
	}
}

// take takes changes for a flight: as many keys as one transaction has place for. The
// changes of a key stay in their order. q.mu is locked.
func (d *Driver) take() *flight {
	q := &d.queue
	f := newFlight(d.root)
	var rest []*change
	var later map[string]bool // keys of which a change stays behind
	for i, c := range q.waiting {
		if len(f.groups) == maxKeys && f.byKey[c.key] == nil {
			rest = append(rest, q.waiting[i:]...)
			break
		}
		if later[c.key] || !q.fits(f, c) {
			rest = append(rest, c)
			if later == nil {
				later = make(map[string]bool)
			}
			later[c.key] = true
			continue
		}
		f.add(c)
		q.busy[c.key] = true
	}
	q.waiting = rest
	if len(f.groups) == 0 {
		f.cancel()
		return nil
	}
	return f
}

// fits reports whether c can go with f. What may be made twice, or sent again, never goes
// with another change of its key that may not.
func (q *queue) fits(f *flight, c *change) bool {
	if g := f.byKey[c.key]; g != nil {
		return g.twice == c.twice && g.again == c.again
	}
	return !q.busy[c.key]
}

// end answers the changes of g, and gives their key free. Each change gets err, and
// whether it may have been made despite err.
func (d *Driver) end(g *group, err error, doubt bool) {
	q := &d.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.busy, g.key)
	g.ended = true
	for i, c := range g.changes {
		c.err, c.doubt = err, doubt
		if err == nil {
			c.answer = g.answers[i]
			if r, ok := c.answer.(driver.LeaseResult); ok && r.Err != nil && g.made {
				c.err, c.doubt = explain(rpctypes.ErrLeaderChanged), true
			}
		}
		if !c.ended {
			c.finish()
		}
	}
	if len(q.waiting) > 0 {
		d.start()
	}
}

// finish counts c as ended. q.mu is locked.
func (c *change) finish() {
	c.ended = true
	if c.flight != nil {
		c.flight.leave()
	}
	if c.batch.left--; c.batch.left == 0 {
		close(c.batch.done)
	}
}

// abandon ends the changes that have not ended with err. What waits is taken back. What
// is under way may be made.
func (q *queue) abandon(b *batch, changes []*change, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	kept := q.waiting[:0]
	for _, c := range q.waiting {
		if c.batch != b {
			kept = append(kept, c)
		}
	}
	clear(q.waiting[len(kept):])
	q.waiting = kept
	for i, c := range changes {
		if !c.ended {
			// The flight goes on with c: the caller gets another one.
			changes[i] = &change{ended: true, err: err, doubt: c.flight != nil}
			c.finish()
		}
	}
}

func answerOf[T any](c *change) (T, error) {
	if c.err != nil {
		var none T
		return none, c.err
	}
	return c.answer.(T), nil
}
