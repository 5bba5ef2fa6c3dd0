package subscription

import (
	"context"
	"sync"
)

// A schedule hands events to workers. Events of one group go one after another, in the
// order in which they were added. The group that has waited longest goes first. So a
// group waits for no other as long as a worker is free.
type schedule[E any] struct {
	ready chan *group[E] // groups with an event, and no worker

	mu     sync.Mutex
	named  map[string]*group[E] // groups with a name that are ready or with a worker
	groups int                  // how many groups are, with a name or without
	ended  bool                 // no event comes any more
	spare  []*group[E]
}

// A group is with one worker, or in ready.
type group[E any] struct {
	name    string
	isNamed bool
	left    bool // its events are left to the next run, since one was
	next    item[E]
	rest    []item[E] // guarded by the schedule's mu, as is first
	first   int       // of rest
}

type item[E any] struct {
	event E
	work  Work
}

// push adds to rest. Rather than grow, it reuses the room of events that are handled: a
// group may have events that wait for as long as the log is read.
func (g *group[E]) push(i item[E]) {
	if len(g.rest) == cap(g.rest) && g.first > len(g.rest)/2 {
		n := copy(g.rest, g.rest[g.first:])
		clear(g.rest[n:])
		g.rest, g.first = g.rest[:n], 0
	}
	g.rest = append(g.rest, i)
}

// newSchedule returns a schedule in which up to maxReady groups can wait.
func newSchedule[E any](maxReady int) *schedule[E] {
	return &schedule[E]{ready: make(chan *group[E], maxReady), named: make(map[string]*group[E])}
}

// add adds an event to the group of that name.
func (q *schedule[E]) add(ctx context.Context, name string, i item[E]) error {
	q.mu.Lock()
	if q.ended { // and so has ctx: the reader comes too late
		q.mu.Unlock()
		return context.Cause(ctx)
	}
	if g := q.named[name]; g != nil {
		g.push(i)
		q.mu.Unlock()
		return nil
	}
	g := q.enter(i)
	g.name, g.isNamed = name, true
	q.named[name] = g
	q.mu.Unlock()
	return q.send(ctx, g)
}

// addAlone adds an event that is a group of its own.
func (q *schedule[E]) addAlone(ctx context.Context, i item[E]) error {
	q.mu.Lock()
	if q.ended { // and so has ctx: the reader comes too late
		q.mu.Unlock()
		return context.Cause(ctx)
	}
	g := q.enter(i)
	q.mu.Unlock()
	return q.send(ctx, g)
}

func (q *schedule[E]) enter(i item[E]) *group[E] {
	var g *group[E]
	if n := len(q.spare); n > 0 {
		g, q.spare = q.spare[n-1], q.spare[:n-1]
	} else {
		g = new(group[E])
	}
	g.next = i
	q.groups++
	return g
}

func (q *schedule[E]) send(ctx context.Context, g *group[E]) error {
	select {
	case q.ready <- g:
		return nil
	case <-ctx.Done():
		q.mu.Lock()
		defer q.mu.Unlock()
		q.leave(g)
		return context.Cause(ctx)
	}
}

// handled is called by the worker of g when it is done with g.next. It returns the
// group that the worker goes on with: g, or nil for any group that is ready.
func (q *schedule[E]) handled(g *group[E]) *group[E] {
	q.mu.Lock()
	if g.first == len(g.rest) {
		q.leave(g)
		q.mu.Unlock()
		return nil
	}
	g.next, g.rest[g.first] = g.rest[g.first], item[E]{}
	if g.first++; g.first == len(g.rest) {
		g.rest, g.first = g.rest[:0], 0
	}
	q.mu.Unlock()
	if len(q.ready) == 0 {
		return g
	}
	select {
	case q.ready <- g:
		return nil
	default: // if all workers waited for room, none would make any
		return g
	}
}

func (q *schedule[E]) leave(g *group[E]) {
	if g.isNamed {
		delete(q.named, g.name)
	}
	*g = group[E]{}
	q.spare = append(q.spare, g)
	q.groups--
	q.closeIfDone()
}

// end says that no event is added any more. Workers end when no event is left.
func (q *schedule[E]) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.closeIfDone()
}

func (q *schedule[E]) closeIfDone() {
	if q.ended && q.groups == 0 {
		close(q.ready)
	}
}
