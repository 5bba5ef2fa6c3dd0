package contention

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A record is one line of an instance's file: something that it did.
type record struct {
	What  string
	Epoch uint64 // of the tenure that it belongs to
	Event event  // if it says so
	Why   string // if it says so
}

// What a record says.
const (
	waiting = "waiting" // asks for the lease
	granted = "granted" // has it, and resumes after Event
	handled = "handled" // has done the work of Event
	failing = "failing" // could not store the checkpoint
	ended   = "ended"   // its subscription has, and Why
	zombie  = "zombie"  // wrote once more with its old epoch, and Why says what came of it
	closed  = "closed"  // has closed its subscription, without an error
)

// Why a subscription ended, and what came of a zombie's write.
const (
	calledOff = "called off" // by a signal
	fenced    = "fenced"
	leaseLost = "lease lost"
	refused   = "refused"
	accepted  = "accepted"
)

func (r record) line() []byte {
	return fmt.Appendf(nil, "%s %d %d %q\n", r.What, r.Epoch, r.Event, r.Why)
}

func parseRecord(line string) (record, error) {
	fields := strings.SplitN(line, " ", 4)
	if len(fields) != 4 {
		return record{}, fmt.Errorf("%q is no record", line)
	}
	epoch, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return record{}, err
	}
	n, err := strconv.ParseUint(fields[2], 10, 64)
	if err != nil {
		return record{}, err
	}
	why, err := strconv.Unquote(fields[3])
	return record{What: fields[0], Epoch: epoch, Event: event(n), Why: why}, err
}

// A recorder appends to an instance's file.
type recorder struct{ file *os.File }

func newRecorder(path string) (*recorder, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	return &recorder{file}, err
}

// add makes one write(2), so that the record survives the process from then on.
func (r *recorder) add(what record) error {
	_, err := r.file.Write(what.line())
	return err
}
