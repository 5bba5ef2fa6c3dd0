package contention

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
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

// An evidence is what instances have recorded and the supervisor has observed.
// It is for any number of goroutines, but observe is for one.
type evidence struct {
	mu        sync.Mutex
	witnesses []*witness
	done      coverage
	tenures   []*tenure // in the order in which they were seen
	byEpoch   map[uint64]*tenure
	last      checkpoint.Checkpoint // as observed
	stored    map[uint64]event      // the highest position observed under each epoch
	broken    []error
	count     map[error]int // of broken, by rule
}

// A witness is an instance's file.
type witness struct {
	name    string
	file    *os.File
	partial string  // of a line
	tenure  *tenure // the last
	waits   bool    // its last record is that it waits
}

// A tenure is the time from a grant to its end.
type tenure struct {
	owner   string
	epoch   uint64
	resumed event
	seen    time.Time // when the supervisor saw that it was granted
	done    coverage  // by its owner: the low watermark, as it should be
	handled int
	last    map[string]event // of each ordering key
	ended   string           // why, or "" while it lasts
	failing int              // how often it could not store since it ended
	zombie  string           // what came of the write after its end
	closed  time.Time        // when the supervisor saw that it was
}

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

// addWitness adds the file of an instance that is about to start.
func (e *evidence) addWitness(name, path string) error {
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.witnesses = append(e.witnesses, &witness{name: name, file: file})
	return nil
}

// look calls f with all that is recorded by now. What f sees it must not keep.
func (e *evidence) look(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.read()
	f()
}

// read reads on in all files. What was recorded before it is called has been
// read when it returns.
func (e *evidence) read() {
	for grants := e.readOnce(); len(grants) > 0; {
		// An event that was recorded before a grant may stand in a file that
		// was read before the grant's.
		next := e.readOnce()
		for _, t := range grants {
			if t.resumed > e.done.upTo {
				e.violated(errResume, "%s with epoch %d resumed after %d, and event %d is missing", t.owner, t.epoch, t.resumed, e.done.upTo+1)
			}
		}
		grants = next
	}
}

func (e *evidence) readOnce() []*tenure {
	known := len(e.tenures)
	buffer := make([]byte, 64<<10)
	for _, w := range e.witnesses {
		for {
			n, err := w.file.Read(buffer)
			e.hear(w, string(buffer[:n]))
			if err != nil {
				if !errors.Is(err, io.EOF) {
					e.violated(errUnreadable, "%s: %v", w.name, err)
				}
				break
			}
		}
	}
	return slices.Clone(e.tenures[known:])
}

func (e *evidence) hear(w *witness, text string) {
	text = w.partial + text
	for {
		line, rest, whole := strings.Cut(text, "\n")
		if !whole {
			w.partial = text
			return
		}
		text = rest
		r, err := parseRecord(line)
		if err != nil {
			e.violated(errUnreadable, "%s: %v", w.name, err)
			continue
		}
		e.consider(w, r)
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
	key := n.orderedBy()
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

// violations returns what was found so far: of one rule, or of all for nil.
func (e *evidence) violations(of error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []error
	for _, err := range e.broken {
		if of == nil || errors.Is(err, of) {
			found = append(found, err)
		}
	}
	return errors.Join(found...)
}

// newest is the tenure of the highest epoch, or nil. It is for look.
func (e *evidence) newest() *tenure {
	if len(e.tenures) == 0 {
		return nil
	}
	return slices.MaxFunc(e.tenures, func(a, b *tenure) int { return cmp.Compare(a.epoch, b.epoch) })
}

// storedAfter reports whether the checkpoint is past n. It is for look.
func (e *evidence) storedAfter(n event) bool { return e.last.Position.Compare(n.position()) > 0 }

// waits reports whether the instance waits for the lease. It is for look.
func (e *evidence) waits(name string) bool {
	return slices.ContainsFunc(e.witnesses, func(w *witness) bool { return w.name == name && w.waits })
}

// takesPart reports whether the owner of a tenure that is over waits for the
// lease, or has got another. It is for look.
func (e *evidence) takesPart(t *tenure) bool {
	return slices.ContainsFunc(e.witnesses, func(w *witness) bool {
		return w.name == t.owner && (w.waits || w.tenure != t)
	})
}

func (e *evidence) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range e.witnesses {
		w.file.Close()
	}
}
