package etcdstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A flight makes the changes of several keys, in as few requests as it can.
type flight struct {
	groups []*group
	byKey  map[string]*group
	ctx    context.Context
	cancel context.CancelFunc
	wanted int  // changes that a caller still waits for; guarded by queue.mu
	alone  bool // each key in a request of its own

	unneeded []clientv3.LeaseID
}

// A group is the changes of one key in a flight, in their order.
type group struct {
	key     string
	changes []*change
	reads   [parts]bool
	audits  bool
	twice   bool
	again   bool

	state   state
	trails  trails
	known   bool // whether state was ever read
	fresh   bool // whether state was read in this flight
	answers []any
	diff    diff
	notes   notes
	swap    swap
	now     time.Time
	doubt   bool // whether the changes may have been made already
	made    bool // whether the changes were made, and are made once more: no refusal is an answer
	lost    int  // how many answers were lost
	grants  grants
	ended   bool
}

// maxKeys is how many keys share a transaction. etcd allows 128 operations, and counts
// the outer ones and those of the largest inner transaction: two for each part that it
// has, and two for each ledger. No usual change has both all parts and all ledgers.
const maxKeys = 128 - 2*int(parts)

func newFlight(root context.Context) *flight {
	f := &flight{byKey: make(map[string]*group)}
	f.ctx, f.cancel = context.WithCancel(root)
	return f
}

func (f *flight) add(c *change) {
	g := f.byKey[c.key]
	if g == nil {
		g = &group{key: c.key, twice: c.twice, again: c.again}
		f.byKey[c.key] = g
		f.groups = append(f.groups, g)
	}
	g.changes = append(g.changes, c)
	for p, reads := range c.reads {
		g.reads[p] = g.reads[p] || reads
	}
	g.audits = g.audits || c.audits
	c.flight = f
	f.wanted++
}

// leave ends the flight early if no caller waits for it. queue.mu is locked.
func (f *flight) leave() {
	if f.wanted--; f.wanted == 0 {
		f.cancel()
	}
}

// pause ends early if no caller waits for the flight.
func (f *flight) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-f.ctx.Done():
	}
}

// fly makes the changes of f, and then those of further flights.
func (d *Driver) fly(f *flight) {
	for f != nil {
		d.rounds(f)
		d.revoke(f.unneeded)
		runtime.Gosched() // the callers that were woken may call again at once
		d.queue.mu.Lock()
		if f = d.take(); f == nil {
			d.queue.flights--
		}
		d.queue.mu.Unlock()
	}
}

// flyAlone makes the changes of f, which are those of one call, for the goroutine of the
// caller: to wake another one takes as long as some requests do.
func (d *Driver) flyAlone(ctx context.Context, f *flight, b *batch, changes []*change) {
	q, left := &d.queue, make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		q.abandon(b, changes, ctx.Err())
		close(left)
	})
	d.rounds(f)
	if !stop() {
		<-left
	}
	if len(f.unneeded) > 0 {
		q.flown.Go(func() { d.revoke(f.unneeded) })
	}
	q.mu.Lock()
	q.flights--
	d.start()
	q.mu.Unlock()
	q.flown.Done()
}

func (d *Driver) rounds(f *flight) {
	for _, g := range f.groups {
		g.state, g.trails, g.known = d.memory.get(g.key)
	}
	for n := 0; d.round(f, n); n++ {
	}
	f.cancel()
}

// round decides the groups that have not ended, and sends what they need. It reports
// whether there is more to do.
func (d *Driver) round(f *flight, n int) bool {
	if n > 2 {
		f.pause(rand.N(time.Millisecond << min(n, 6))) // somebody was faster, time after time
	}
	var readers, writers []*group
	for _, g := range f.groups {
		switch {
		case g.ended:
		case !g.known:
			readers = append(readers, g)
		default:
			d.decide(g)
			switch {
			case g.diff.any() || g.notes.any():
				writers = append(writers, g)
			case g.fresh:
				d.finish(f, g, nil)
			default: // nobody is refused for what is remembered
				readers = append(readers, g)
			}
		}
	}
	switch {
	case len(readers) > 0:
		d.readGroups(f, readers)
	case len(writers) > 0:
		d.swapGroups(f, writers)
	}
	return len(readers)+len(writers) > 0
}

// decide lets the changes of g decide over its state, one after another.
func (d *Driver) decide(g *group) {
	g.now = time.Now().UTC().Truncate(time.Millisecond)
	before := d.cell(g.key, &g.state, g.now)
	after := before
	g.answers, g.notes = make([]any, len(g.changes)), notes{}
	for i, c := range g.changes {
		made := c.decide(after, g.now)
		after, g.answers[i] = made.cell, made.answer
		g.notes.add(made)
	}
	g.diff = differ(&before, &after)
}

// finish ends g, and remembers its state.
func (d *Driver) finish(f *flight, g *group, err error) {
	switch {
	case err == nil:
		d.memory.put(g.key, g.state, g.trails)
	case g.doubt:
		d.memory.forget(g.key)
	}
	if err == nil || !g.doubt {
		f.unneeded = append(f.unneeded, g.grants.unneeded(&g.state)...)
	}
	d.end(g, err, g.doubt)
}

func (d *Driver) readGroups(f *flight, groups []*group) {
	keys := make([]string, len(groups))
	var more []clientv3.Op
	for i, g := range groups {
		keys[i] = g.key
		if g.audits {
			more = append(more, readTrail(d.ledgerFolder(auditLedger, g.key)))
		}
	}
	states, found, err := d.readStates(f.ctx, keys, more...)
	if len(groups) > 1 && isOfOneKey(err) {
		for i := range groups {
			d.readGroups(f, groups[i:i+1])
		}
		return
	}
	for i, g := range groups {
		if err != nil {
			d.finish(f, g, d.failure(f.ctx, err))
			continue
		}
		g.state, g.known, g.fresh = states[i], true, true
		if g.audits {
			g.trails[auditLedger], found = trailOf(d.ledgerFolder(auditLedger, g.key), found[0]), found[1:]
		}
	}
}

// swapGroups grants the etcd leases that the changes of groups need, and stores the
// changes if nobody has changed what they looked at.
func (d *Driver) swapGroups(f *flight, groups []*group) {
	groups = d.grantAll(f, groups)
	for len(groups) > 0 {
		n := d.fit(groups)
		if f.alone {
			n = 1
		}
		d.swap(f, groups[:n])
		groups = groups[n:]
	}
}

// fit returns how many of groups go into one request.
func (d *Driver) fit(groups []*group) int {
	const limit = 1 << 20 // etcd's is 1.5 MiB
	size := 0
	for n, g := range groups {
		// Each part is named in a comparison, an operation and a read.
		size += 3*int(parts)*(len(d.prefix)+len(g.key)+32) + 4096
		if g.notes.any() {
			size += d.sizeOfNotes(g)
		}
		if size > limit && n > 0 {
			return n
		}
	}
	return len(groups)
}

// swap stores the changes of groups in one request, each for itself.
func (d *Driver) swap(f *flight, groups []*group) {
	limit := attempt
	for _, g := range groups {
		if !g.again {
			limit = patience
		}
		g.swap = g.newSwap()
	}
	resp, err := d.commit(f.ctx, d.request(groups), limit)
	if err != nil {
		d.unanswered(f, groups, err)
		return
	}
	for i, g := range groups {
		succeeded, answers := resp.Succeeded, resp.Responses
		if len(groups) > 1 {
			inner := resp.Responses[i].GetResponseTxn()
			succeeded, answers = inner.Succeeded, inner.Responses
		}
		if !succeeded {
			d.refused(g, answers)
			continue
		}
		g.doubt = false
		g.stored(resp.Header.Revision)
		if g.grants.term != 0 && g.grants.term != resp.Header.RaftTerm {
			g.made = true
			time.Sleep(2 * time.Millisecond) // so that the next renewal ends later
			continue                         // another leader may not know of this one
		}
		d.finish(f, g, nil)
	}
}

// maxLost is how many answers may be lost before a change is given up that may be sent
// again.
const maxLost = 3

// unanswered decides what becomes of groups whose request failed.
func (d *Driver) unanswered(f *flight, groups []*group, err error) {
	if len(groups) > 1 && isOfOneKey(err) {
		f.alone = true
		return
	}
	refused, pause := isRefused(err), time.Duration(0)
	for _, g := range groups {
		d.memory.forget(g.key)
		g.known, g.fresh = false, false
		g.doubt = g.doubt || !refused
		g.lost++
		again := g.again && !refused && f.ctx.Err() == nil
		switch {
		case isLeaseGone(err):
			again = true
			g.grants.drop()
		case errors.Is(err, rpctypes.ErrNoLeader): // another member may have one
			again = true
		}
		if !again || g.lost > maxLost {
			d.finish(f, g, d.failure(f.ctx, err))
			continue
		}
		pause = 50 * time.Millisecond << g.lost
	}
	f.pause(pause) // until there is another leader, perhaps
}

func (d *Driver) request(groups []*group) clientv3.Op {
	if len(groups) == 1 {
		return d.swapOf(groups[0])
	}
	ops := make([]clientv3.Op, len(groups))
	for i, g := range groups {
		ops[i] = d.swapOf(g)
	}
	return clientv3.OpTxn(nil, ops, nil)
}
