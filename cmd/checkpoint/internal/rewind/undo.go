package rewind

import (
	"errors"
	"fmt"

	"github.com/checkpointstore/checkpoint"
)

// An Undo is the rewind that brings a key back to what an audit entry has replaced.
type Undo struct {
	Number int // of the entry: 1 is the latest
	Entry  checkpoint.AuditEntry
	To     checkpoint.Position
}

// UndoOf returns the undo of the entry with this number, where entries begin with the
// latest. Number 0 is the latest entry that has moved the key.
func UndoOf(entries []checkpoint.AuditEntry, number int) (Undo, error) {
	for i := 0; number == 0 && i < len(entries); i++ {
		if moved(&entries[i]) {
			number = i + 1
		}
	}
	switch {
	case number == 0:
		return Undo{}, errors.New("no entry of its history has moved it; there is nothing to undo")
	case number > len(entries):
		return Undo{}, fmt.Errorf("its history has %d entries, and no entry %d", len(entries), number)
	}
	u := Undo{Number: number, Entry: entries[number-1]}
	switch e := &u.Entry; {
	case !moved(e):
		return u, fmt.Errorf("entry %d, the %s, has not moved it; name one that has", number, u.what())
	case e.Old == nil:
		return u, fmt.Errorf("entry %d, the %s, replaced nothing, or a damaged checkpoint; `checkpoint delete` removes the checkpoint",
			number, u.what())
	default:
		u.To = *e.Old
	}
	return u, nil
}

// moved reports whether e has changed the position.
func moved(e *checkpoint.AuditEntry) bool {
	if e.Old == nil || e.New == nil {
		return e.Old != e.New
	}
	return *e.Old != *e.New
}

func (u Undo) what() string {
	if u.Entry.Actor == "" {
		return u.Entry.Op
	}
	return u.Entry.Op + " by " + u.Entry.Actor
}

// Reason names the entry for a reason. It does so by its time, since each new entry changes
// the numbers of the others.
func (u Undo) Reason() string {
	return fmt.Sprintf("undoes the %s of %s", u.what(), instant(u.Entry.At))
}
