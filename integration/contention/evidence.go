package contention

import (
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// An evidence is what instances have recorded and the supervisor has observed.
// It is for any number of goroutines, but observe is for one.
type evidence struct {
	mu        sync.Mutex
	witnesses []*witness // of those that may still speak
	buffer    [64 << 10]byte
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

// addWitness adds the file of an instance that is about to start.
func (e *evidence) addWitness(name, path string) (*witness, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	w := &witness{name: name, file: file}
	e.witnesses = append(e.witnesses, w)
	return w, nil
}

// dismiss reads the last words of a witness whose instance has ended.
func (e *evidence) dismiss(w *witness) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.read()
	e.witnesses = slices.DeleteFunc(e.witnesses, func(other *witness) bool { return other == w })
	w.file.Close()
}

// look calls f with all that is recorded by now.
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
	for _, w := range e.witnesses {
		for {
			n, err := w.file.Read(e.buffer[:])
			e.hear(w, string(e.buffer[:n]))
			if err != nil {
				if !errors.Is(err, io.EOF) {
					e.violated(errUnreadable, "%s: %v", w.name, err)
				}
				break
			}
		}
	}
	return e.tenures[known:]
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
