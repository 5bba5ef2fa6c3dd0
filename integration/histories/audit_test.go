package histories

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/checkpointstore/checkpoint/driver"
)

// An entry is the audit entry of an operation. The zero entry is none.
type entry struct {
	op, reason         string
	before, after      place
	oldEpoch, newEpoch uint64
}

// A place is a position, or none.
type place struct {
	exists bool
	driver.Position
}

func placeOf(p *driver.Position) place {
	if p == nil {
		return place{}
	}
	return place{true, *p}
}

// change is the entry of a change from s to after.
func (s state) change(op string, after state) entry {
	return entry{
		op: op, before: place{s.exists, s.stored.position}, after: place{after.exists, after.stored.position},
		oldEpoch: s.fence, newEpoch: after.fence,
	}
}

// named lets the entry of a write name the write.
func named(w driver.Write) driver.Write {
	w.By = nameOf(&w)
	return w
}

// nameOf is the actor that names a change.
func nameOf(w *driver.Write) *driver.By {
	return &driver.By{Actor: strconv.FormatInt(w.UpdatedAt.UnixMilli(), 10)}
}

// errAudit is of an entry that no operation explains.
var errAudit = errors.New("the audit entries are wrong")

// readHistory reads the audit entries of each key, when all clients have ended. From then
// on the answer of each operation is known to have its entry, or none. It does nothing if
// the engine keeps no entries.
func readHistory(t *testing.T, h *history, e engine) {
	t.Helper()
	historian, ok := e.(driver.Historian)
	if !ok {
		return
	}
	for _, r := range h.keys {
		var entries []driver.AuditEntry
		var at int64
		for deadline := time.Now().Add(patience); ; time.Sleep(often) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
			var err error
			at = h.now()
			entries, err = historian.History(ctx, r.key, driver.AuditEntries)
			cancel()
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the audit entries of %s cannot be read: %v", r.key, err)
			}
		}
		r.operations = append(r.operations, porcupine.Operation{Input: input{method: audit}, Output: output{told: true}, Call: at, Return: h.now()})
		h.problems = append(h.problems, r.tell(entries)...)
	}
}

// tell gives each operation its entry. The errors are of entries that are left.
func (r *record) tell(entries []driver.AuditEntry) (errs []error) {
	if len(entries) == driver.AuditEntries {
		return []error{fmt.Errorf("%s: the engine may have dropped entries: lower enoughOperations", r.key)}
	}
	byName := make(map[string]driver.AuditEntry)
	for _, e := range entries {
		name := nameOfEntry(&e)
		if _, twice := byName[name]; twice {
			errs = append(errs, fmt.Errorf("%w: %s has %s twice: %+v", errAudit, r.key, name, e))
		}
		byName[name] = e
	}
	lost := make(map[string]int) // by owner, the Acquires without an answer
	for i := range r.operations {
		o := &r.operations[i]
		in, out := o.Input.(input), o.Output.(output)
		if in.method == acquire && out.unknown {
			lost[in.lease.Owner]++ // nobody knows its epoch
			continue
		}
		out.told = true
		name := in.name(&out)
		if e, ok := byName[name]; ok {
			out.entry = entry{e.Op, e.Reason, placeOf(e.Old), placeOf(e.New), e.OldEpoch, e.NewEpoch}
			delete(byName, name)
		}
		o.Output = out
	}
	for name, e := range byName {
		if lost[e.Actor]--; e.Op != driver.AuditTakeOver || lost[e.Actor] < 0 {
			errs = append(errs, fmt.Errorf("%w: nothing that landed at %s explains %s: %+v", errAudit, r.key, name, e))
		}
	}
	return errs
}

// nameOfEntry is the name of the operation that left e. Nobody names a take-over, and no
// two have the same epoch.
func nameOfEntry(e *driver.AuditEntry) string {
	if e.Op == driver.AuditTakeOver {
		return fmt.Sprintf("the take-over by %s with epoch %d", e.Actor, e.NewEpoch)
	}
	return e.Actor
}

func (i *input) name(out *output) string {
	switch i.method {
	case acquire:
		return nameOfEntry(&driver.AuditEntry{Op: driver.AuditTakeOver, By: driver.By{Actor: i.lease.Owner}, NewEpoch: out.lease.epoch})
	case write, remove, raise:
		return nameOf(&i.write).Actor
	}
	return "nobody"
}
