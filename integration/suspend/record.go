package suspend

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"time"
)

// A record is one line of a process's file: a grant, an event that was handled, or the
// end of a tenure.
type record struct {
	What  string
	Epoch uint64
	Event uint64      `json:",omitempty"` // that was handled
	Alive []time.Time `json:",omitempty"` // when the handler found its context alive; the first time at its begin
	At    time.Time   // just before the record was written
	Why   string      `json:",omitempty"` // a tenure ended
}

const (
	granted = "granted"
	handled = "handled"
	ended   = "ended"
)

// Why a tenure ended. Any other reason is an error's text.
const (
	calledOff = "called off" // by a signal
	fenced    = "fenced"
	leaseLost = "lease lost"
)

// began is when the handler of an event was called.
func (r record) began() time.Time { return r.Alive[0] }

// A recorder appends to a process's file.
type recorder struct{ file *os.File }

func newRecorder(path string) (*recorder, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	return &recorder{file}, err
}

// add makes one write(2).
func (r *recorder) add(what record) error {
	what.At = wall()
	line, err := json.Marshal(what)
	if err != nil {
		return err
	}
	_, err = r.file.Write(append(line, '\n'))
	return err
}

// wall is the time by the wall clock alone.
func wall() time.Time { return time.Now().Round(0) }

// A reader reads what a process has recorded.
type reader struct {
	file *os.File
	part []byte // of a line
}

// read returns what was recorded since the last call.
func (r *reader) read() ([]record, error) {
	text, err := io.ReadAll(r.file)
	if err != nil {
		return nil, err
	}
	r.part = append(r.part, text...)
	var records []record
	for {
		line, rest, whole := bytes.Cut(r.part, []byte("\n"))
		if !whole {
			return records, nil
		}
		var one record
		if err := json.Unmarshal(line, &one); err != nil {
			return nil, err
		}
		records, r.part = append(records, one), rest
	}
}
