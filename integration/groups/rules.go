package groups

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// The rules. Each violation wraps one.
var (
	errTwoOwners   = errors.New("two members believe in one partition")
	errNotRefused  = errors.New("the read model takes an event of a former owner")
	errNotFenced   = errors.New("the store takes a position of a former owner")
	errSharedEpoch = errors.New("two leases have one epoch")
	errSkipped     = errors.New("an event is skipped")
	errNotDone     = errors.New("a checkpoint passes an event that its owner has not handled")
	errRepeated    = errors.New("an event is repeated although the former owner has ended in good order")
	errWentBack    = errors.New("a checkpoint went back")
	errUnbalanced  = errors.New("the partitions are not shared out evenly")
	errRestless    = errors.New("a partition moves although nothing has happened")
	errUnreadable  = errors.New("the evidence cannot be read")
)

// maxBroken bounds what is kept of each rule.
const maxBroken = 5

func (e *evidence) violated(rule error, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if e.known[text] || e.count[rule] == maxBroken {
		return // it is judged again
	}
	e.known[text] = true
	e.count[rule]++
	e.broken = append(e.broken, fmt.Errorf("%w: %s", rule, text))
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

// judge holds the tenures to the rules that concern more than one. A process that was
// stopped has noticed.
func (e *evidence) judge(ttl time.Duration) {
	at := now() // what had happened before a tenure that began by then is read
	e.look(func() {
		for _, tenures := range e.tenures {
			tenures = slices.DeleteFunc(slices.Clone(tenures), func(t *tenure) bool { return t.begin > at })
			next := instant(math.MaxInt64) // when an owner with a higher epoch begins
			for _, t := range slices.Backward(tenures) {
				e.judgeEnd(t, next, at, ttl)
				next = min(next, t.begin)
			}
			e.judgeEvents(tenures, ttl)
		}
	})
}

// judgeEnd holds t to what it may do once the next owner has begun.
func (e *evidence) judgeEnd(t *tenure, next, at instant, ttl time.Duration) {
	if t.handledAt > next {
		e.violated(errNotRefused, "%s", t.lateBy(t.handledAt, next))
	}
	if t.storedAt > next {
		e.violated(errNotFenced, "%s", t.lateBy(t.storedAt, next))
	}
	end := at
	if t.end != 0 {
		end = min(end, t.end)
	}
	if from := max(next, t.begin); end > from && !t.owner.away(span{from, end}, ttl/2) {
		e.violated(errTwoOwners, "%s", t.lateBy(end, from))
	}
}

func (t *tenure) lateBy(at, next instant) string {
	return fmt.Sprintf("%s with epoch %d of partition %d is at work until %v after the next owner begins",
		t.owner.name, t.epoch, t.partition, at.since(next))
}

// away reports whether the process did not run for the whole time, except for what it
// needed to notice: as long as it had not run, and notice at most.
func (w *witness) away(s span, notice time.Duration) bool {
	slices.SortFunc(w.stalls, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for _, stall := range w.stalls {
		if stall.from <= s.from {
			s.from = max(s.from, stall.to.add(min(notice, stall.to.since(stall.from))))
		}
	}
	return s.from >= s.to
}

// judgeEvents holds the tenures of a partition to the rules about what they handle.
func (e *evidence) judgeEvents(tenures []*tenure, ttl time.Duration) {
	var done event // by all owners before
	for i, t := range tenures {
		if t.resumed > max(done, handledBefore(tenures, t.begin)) {
			e.violated(errSkipped, "%s with epoch %d of partition %d begins after %d, and only %d are handled",
				t.owner.name, t.epoch, t.partition, t.resumed, done)
		}
		if i > 0 && tenures[i-1].inGoodOrder(ttl) && t.resumed < tenures[i-1].last {
			e.violated(errRepeated, "%s with epoch %d of partition %d begins after %d, and %s ended after %d",
				t.owner.name, t.epoch, t.partition, t.resumed, tenures[i-1].owner.name, tenures[i-1].last)
		}
		done = max(done, t.last)
	}
}

// handledBefore returns the last event of the tenures that began before this time. An owner
// that does not run between its lease and its first look at the checkpoint sees how far a
// later owner has come.
func handledBefore(tenures []*tenure, at instant) (last event) {
	for _, t := range tenures {
		if t.begin < at {
			last = max(last, t.last)
		}
	}
	return last
}

// inGoodOrder reports whether t should have stored what is done before it released its
// lease. It could not if the store failed, or fenced it after its lease had ended: then
// the process did not run, or could not renew the lease.
func (t *tenure) inGoodOrder(ttl time.Duration) bool {
	if t.why != asked || t.released == 0 || t.failing {
		return false
	}
	return !t.fenced || t.released.since(t.end) < ttl/3 && !t.owner.troubled(span{t.end.add(-ttl), t.released}, ttl/4)
}

// troubled reports whether the process did not run for so long, or could not give a sign of
// life, in this time.
func (w *witness) troubled(s span, long time.Duration) bool {
	return slices.ContainsFunc(w.mute, func(at instant) bool { return s.from < at && at < s.to }) ||
		slices.ContainsFunc(w.stalls, func(stall span) bool {
			return stall.to > s.from && stall.from < s.to && stall.to.since(stall.from) > long
		})
}

// observeOne holds the checkpoint of a partition to the rules.
func (e *evidence) observeOne(p int, cp checkpoint.Checkpoint) {
	last := e.last[p]
	e.last[p] = cp
	if cp.Position.Compare(last.Position) < 0 || cp.Epoch < last.Epoch {
		e.violated(errWentBack, "partition %d: from %s, epoch %d, to %s, epoch %d", p, last.Position, last.Epoch, cp.Position, cp.Epoch)
	}
	var done event
	for _, t := range e.tenures[p] {
		done = max(done, t.last)
	}
	if n, err := eventAt(cp.Position); err != nil || n > done {
		e.violated(errNotDone, "partition %d: it stands at %s, and %d events are handled", p, cp.Position, done)
	}
}

// imbalance says why the partitions are not shared out evenly among the living.
func (e *evidence) imbalance(living []*witness) error {
	numbers := make(map[*witness]int)
	for p, tenures := range e.tenures {
		if len(tenures) == 0 || tenures[len(tenures)-1].end != 0 {
			return fmt.Errorf("%w: partition %d has no owner", errUnbalanced, p)
		}
		numbers[tenures[len(tenures)-1].owner]++
	}
	least := len(e.tenures) / len(living)
	for _, w := range living {
		if n := numbers[w]; n < least || n > least+1 {
			return fmt.Errorf("%w: %s has %d of %d, with %d members", errUnbalanced, w.name, n, len(e.tenures), len(living))
		}
	}
	return nil
}

// judgeQuiet counts what has moved within a time in which nothing happened. A process that
// did not run for long, or could not give a sign of life, has happened.
func (e *evidence) judgeQuiet(s span, ttl time.Duration) {
	e.look(func() {
		for _, w := range e.witnesses {
			if w.troubled(span{s.from.add(-ttl), s.to}, ttl/4) {
				return
			}
		}
		for p, tenures := range e.tenures {
			for _, t := range tenures {
				if s.from < t.begin && t.begin < s.to {
					e.violated(errRestless, "%s gains partition %d", t.owner.name, p)
				}
			}
		}
	})
}
