package contention

import (
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// The rules. Each violation wraps one.
var (
	errWentBack    = errors.New("the checkpoint went back")
	errNotDone     = errors.New("the checkpoint passes an event that nobody has recorded")
	errNotGranted  = errors.New("the checkpoint was written under an epoch that was not granted")
	errSharedEpoch = errors.New("two leases have one epoch")
	errOldEpoch    = errors.New("an instance was granted an epoch that is not higher than its last")
	errOldResume   = errors.New("an instance resumed before what was stored under an earlier epoch")
	errResume      = errors.New("an instance resumed after an event that nobody has recorded")
	errDoneAgain   = errors.New("an event was handled that the instance had resumed after")
	errDisorder    = errors.New("events of one ordering key were handled out of order")
	errOutsideTerm = errors.New("an event was handled outside of a tenure")
	errEnd         = errors.New("a subscription ended for no good reason")
	errNotRefused  = errors.New("a write of a zombie was not refused")
	errUnreadable  = errors.New("the evidence cannot be read")
)

// maxBroken bounds what is kept of each rule.
const maxBroken = 5

func (e *evidence) violated(rule error, format string, args ...any) {
	if e.count == nil {
		e.count = map[error]int{}
	}
	if e.count[rule]++; e.count[rule] <= maxBroken {
		e.broken = append(e.broken, fmt.Errorf("%w: %s", rule, fmt.Sprintf(format, args...)))
	}
}

// consider holds one record to the rules.
func (e *evidence) consider(w *witness, r record) {
	w.waits = r.What == waiting
	t := w.tenure
	switch {
	case r.What == waiting:
	case r.What == granted:
		e.grant(w, r)
	case t == nil || r.What != failing && t.epoch != r.Epoch:
		e.violated(errOutsideTerm, "%s: %+v", w.name, r)
	case r.What == handled:
		e.handle(t, r.Event)
	case r.What == failing && t.ended != "":
		t.failing++
	case r.What == ended:
		t.ended = r.Why
		if r.Why != fenced && r.Why != leaseLost && r.Why != calledOff {
			e.violated(errEnd, "%s with epoch %d: %s", t.owner, t.epoch, r.Why)
		}
	case r.What == zombie:
		t.zombie = r.Why
	case r.What == closed:
		t.closed = time.Now()
	}
}

func (e *evidence) grant(w *witness, r record) {
	t := &tenure{owner: w.name, epoch: r.Epoch, resumed: r.Event, seen: time.Now(), done: coverage{upTo: r.Event}, last: map[string]event{}}
	if other := e.byEpoch[t.epoch]; other != nil {
		e.violated(errSharedEpoch, "%s and %s have %d", other.owner, t.owner, t.epoch)
	}
	if w.tenure != nil && w.tenure.epoch >= t.epoch {
		e.violated(errOldEpoch, "%s has %d after %d", t.owner, t.epoch, w.tenure.epoch)
	}
	for epoch, n := range e.stored {
		e.mustHaveSeen(t, epoch, n)
	}
	w.tenure = t
	e.tenures = append(e.tenures, t)
	if e.byEpoch == nil {
		e.byEpoch = map[uint64]*tenure{}
	}
	e.byEpoch[t.epoch] = t
}

// mustHaveSeen holds t to what was stored under an epoch, which is final if it
// is below t's.
func (e *evidence) mustHaveSeen(t *tenure, epoch uint64, n event) {
	if epoch < t.epoch && n > t.resumed {
		e.violated(errOldResume, "%s with epoch %d resumed after %d; under epoch %d the checkpoint stood at %d", t.owner, t.epoch, t.resumed, epoch, n)
	}
}

func (e *evidence) handle(t *tenure, n event) {
	key := n.orderingKey()
	switch {
	case t.ended != "":
		e.violated(errOutsideTerm, "%s handled %d after its tenure of epoch %d", t.owner, n, t.epoch)
	case n <= t.resumed:
		e.violated(errDoneAgain, "%s with epoch %d resumed after %d and handled %d", t.owner, t.epoch, t.resumed, n)
	case n <= t.last[key]:
		e.violated(errDisorder, "%s with epoch %d handled %d after %d", t.owner, t.epoch, n, t.last[key])
	}
	t.last[key] = n
	t.handled++
	t.done.add(n)
	e.done.add(n)
}

// observe holds a checkpoint, as it was read just now, to the rules.
func (e *evidence) observe(cp checkpoint.Checkpoint) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.read()
	n, ok := eventAt(cp.Position)
	switch {
	case !ok:
		e.violated(errNotDone, "%s is no position of the log", cp.Position)
	case cp.Position.Compare(e.last.Position) < 0 || cp.Epoch < e.last.Epoch:
		e.violated(errWentBack, "from %s, epoch %d, to %s, epoch %d", e.last.Position, e.last.Epoch, cp.Position, cp.Epoch)
	case n > e.done.upTo:
		e.violated(errNotDone, "it stands at %d, and event %d is missing", n, e.done.upTo+1)
	}
	switch t := e.byEpoch[cp.Epoch]; {
	case t == nil && n == 0: // by Open, before the instance could record its grant
	case t == nil:
		e.violated(errNotGranted, "%s, epoch %d", cp.Position, cp.Epoch)
	case n > t.done.upTo:
		e.violated(errNotDone, "%s with epoch %d stored %d, and has not handled %d", t.owner, t.epoch, n, t.done.upTo+1)
	}
	if e.stored == nil {
		e.stored = map[uint64]event{}
	}
	e.stored[cp.Epoch] = max(e.stored[cp.Epoch], n)
	for _, t := range e.tenures {
		e.mustHaveSeen(t, cp.Epoch, n)
	}
	e.last = cp
}

// observeNothing is for when there was no checkpoint just now.
func (e *evidence) observeNothing() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stored != nil {
		e.violated(errWentBack, "from %s to nothing", e.last.Position)
	}
}

// unreadable is for when the checkpoint could not be read.
func (e *evidence) unreadable(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.violated(errUnreadable, "%v", err)
}
