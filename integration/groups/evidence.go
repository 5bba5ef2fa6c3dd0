package groups

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/integration/internal/records"
)

// An evidence is what processes have recorded and the supervisor has observed.
type evidence struct {
	mu        sync.Mutex
	witnesses []*witness
	tenures   [][]*tenure // of each partition, by epoch
	last      []checkpoint.Checkpoint
	broken    []error
	count     map[error]int // of broken, by rule
	known     map[string]bool
	refused   int // events, by the read model
}

// A witness is a process, by its file.
type witness struct {
	name    string
	records *records.Reader[record]
	current map[int]*tenure // of each partition the last
	stalls  []span          // when it did not run
	mute    []instant       // when a sign of life failed
	died    instant         // or zero
}

// A span is a time.
type span struct{ from, to instant }

// A tenure is what a member does with a partition under one epoch.
type tenure struct {
	owner     *witness
	partition int
	epoch     uint64
	begin     instant
	end       instant // zero while it lasts
	resumed   event
	last      event   // that it has handled
	handledAt instant // when an event took effect last
	storedAt  instant // when it last asked the store for a move that was made
	why       string  // it has ended
	released  instant // zero: its lease was not
	failing   bool    // the last answer to a move of the checkpoint was an error
	fenced    bool    // the store has refused a move of the checkpoint
}

func newEvidence(partitions int) *evidence {
	return &evidence{
		tenures: make([][]*tenure, partitions), last: make([]checkpoint.Checkpoint, partitions),
		count: make(map[error]int), known: make(map[string]bool),
	}
}

// add adds the file of a process that is about to start.
func (e *evidence) add(name, path string) (*witness, error) {
	r, err := records.Open[record](path)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	w := &witness{name: name, records: r, current: make(map[int]*tenure)}
	e.witnesses = append(e.witnesses, w)
	return w, nil
}

// dismiss reads the last words of a process that ended at this time.
func (e *evidence) dismiss(w *witness, at instant) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if w.died != 0 {
		return
	}
	e.read()
	w.died = at
	w.records.Close()
	for _, t := range w.current {
		if t.end == 0 {
			t.end = at
		}
	}
}

// stop takes note of a time when the supervisor had stopped a process.
func (e *evidence) stop(w *witness, s span) {
	e.mu.Lock()
	defer e.mu.Unlock()
	w.stalls = append(w.stalls, s)
}

// look calls f with all that is recorded by now.
func (e *evidence) look(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.read()
	f()
}

// read reads on in all files. What was recorded before it is called has been read when it
// returns.
func (e *evidence) read() {
	for _, w := range e.witnesses {
		if w.died != 0 {
			continue
		}
		recorded, err := w.records.Read()
		if err != nil {
			e.violated(errUnreadable, "%s: %v", w.name, err)
		}
		for _, r := range recorded {
			e.consider(w, r)
		}
	}
}

func (e *evidence) consider(w *witness, r record) {
	switch r.What {
	case stalled:
		w.stalls = append(w.stalls, span{r.At, r.Until})
	case mute:
		w.mute = append(w.mute, r.At)
	case granted:
		e.grant(w, r)
	default:
		t := w.current[r.Partition]
		if t != nil && (r.What == released || t.epoch == r.Epoch) {
			e.tell(t, r)
		} else if !r.precedesGrant() {
			e.violated(errUnreadable, "%s: %+v belongs to no tenure", w.name, r)
		}
	}
}

// precedesGrant reports whether r can be of a member that has acquired a lease and whose
// consumer has not begun.
func (r record) precedesGrant() bool {
	return r.What == released || r.What == failing || r.What == fenced || r.What == stored && r.Event == 0
}

func (e *evidence) grant(w *witness, r record) {
	t := &tenure{owner: w, partition: r.Partition, epoch: r.Epoch, begin: r.At, resumed: r.Event, last: r.Event}
	w.current[r.Partition] = t
	of := &e.tenures[r.Partition]
	i, found := slices.BinarySearchFunc(*of, t.epoch, func(other *tenure, epoch uint64) int { return cmp.Compare(other.epoch, epoch) })
	if found {
		e.violated(errSharedEpoch, "%s and %s have %d of partition %d", (*of)[i].owner.name, w.name, r.Epoch, r.Partition)
	}
	*of = slices.Insert(*of, i, t)
}

// tell takes a record of a tenure.
func (e *evidence) tell(t *tenure, r record) {
	switch r.What {
	case handled:
		if r.Event != t.last+1 {
			e.violated(errSkipped, "%s handles %d of partition %d after %d", t.owner.name, r.Event, r.Partition, t.last)
		}
		t.last, t.handledAt = r.Event, r.At
	case stored:
		if r.Event > t.last {
			e.violated(errNotDone, "%s has handled %d of partition %d, and stores %d", t.owner.name, t.last, r.Partition, r.Event)
		}
		t.storedAt, t.failing = r.At, false
	case failing:
		t.failing = true
	case refused:
		e.refused++
	case ended:
		t.end, t.why = r.At, r.Why
	case fenced:
		t.fenced = true
	case released:
		if t.end != 0 {
			t.released = r.At
		}
	}
}

// observe holds checkpoints, as they were read just now, to the rules.
func (e *evidence) observe(found map[string]checkpoint.Checkpoint, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.read()
	if err != nil {
		e.violated(errUnreadable, "%v", err)
		return
	}
	for p := range e.tenures {
		cp, ok := found[keyOf(p)]
		if !ok {
			if e.last[p].Epoch != 0 {
				e.violated(errWentBack, "partition %d: from %s to nothing", p, e.last[p].Position)
			}
			continue
		}
		e.observeOne(p, cp)
	}
}

// numbers says what has happened.
func (e *evidence) numbers(ttl time.Duration) string {
	var events event
	tenures, inGoodOrder, late := 0, 0, 0
	for _, of := range e.tenures {
		tenures += len(of)
		var last event
		for i, t := range of {
			last = max(last, t.last)
			if i+1 < len(of) && t.inGoodOrder(ttl) {
				inGoodOrder++
			}
			if i+1 < len(of) && t.end > of[i+1].begin {
				late++
			}
		}
		events += last
	}
	return fmt.Sprintf("%d events, and %d refused by the read model; %d tenures, %d of them ended in good order, and %d late, since the process did not run",
		events, e.refused, tenures, inGoodOrder, late)
}
