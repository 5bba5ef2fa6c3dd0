package histories

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/checkpointstore/checkpoint/driver"
)

const (
	keysAtOnce = 4
	// maxUnknown is how many operations of one key may end without an answer,
	// those under way included.
	maxUnknown = 6
	// A key is given up for a fresh one after so many operations, or so many
	// without an answer.
	enoughOperations = 300
	enoughUnknown    = 4
)

// A history is what was done in one round, by key. Its time is that of this
// process, which makes every call.
type history struct {
	name  string // begins each key
	began time.Time

	mu       sync.Mutex
	keys     []*record // all
	current  [keysAtOnce]*record
	ended    int
	counts   map[string]int // of answers
	problems []error
}

// A record is the history of one key.
type record struct {
	key        string
	operations []porcupine.Operation
	failed     []string // the operations that failed, and are left out
	underWay   int      // without those that only read
	unknown    int
	illegal    bool         // once it was checked: nothing explains it
	epoch      uint64       // the highest that somebody has seen
	lease      driver.Lease // the last that somebody got
}

func newHistory(name string) *history {
	h := &history{name: name, began: time.Now(), counts: make(map[string]int)}
	for i := range h.current {
		h.replace(i)
	}
	return h
}

func (h *history) replace(i int) {
	h.current[i] = &record{key: fmt.Sprintf("%s/%d", h.name, len(h.keys))}
	h.keys = append(h.keys, h.current[i])
}

// A call is an operation under way.
type call struct {
	*record
	client int
	in     input
	at     int64
}

func (h *history) now() int64 { return int64(time.Since(h.began)) }

// hour is in which hour of the history something expires whose TTL is whole hours.
// A history is much shorter than half an hour. Zero is never.
func (h *history) hour(expires time.Time) int {
	if expires.IsZero() {
		return 0
	}
	return hours(expires.Sub(h.began))
}

// begin must return before the operation is sent. It is what choose returns, or a Get where no further one may be left without an answer.
func (h *history) begin(i, client int, choose func(*record) input) call {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.current[i]; r.unknown >= enoughUnknown || len(r.operations) >= enoughOperations {
		h.replace(i)
	}
	r := h.current[i]
	in := choose(r)
	if in.method != get && r.underWay+r.unknown >= maxUnknown {
		in = input{method: get}
	}
	return h.beginOn(r, client, in)
}

func (h *history) beginOn(r *record, client int, in input) call {
	if in.method != get {
		r.underWay++
	}
	return call{r, client, in, h.now()}
}

// end is called after the operation has returned.
func (h *history) end(c *call, out output) {
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[out.kind(c.in.method)]++
	h.finish(c)
	if out.unknown {
		c.unknown++
	}
	c.epoch = max(c.epoch, out.fence, out.stored.epoch)
	if out.granted {
		c.lease = driver.Lease{Key: c.key, Owner: out.lease.owner, Epoch: out.lease.epoch}
	}
	c.operations = append(c.operations,
		porcupine.Operation{ClientId: c.client, Input: c.in, Call: c.at, Output: out, Return: now})
}

// fail is called in place of end where the operation has failed, and so is known
// to have changed and said nothing. Nothing here is ever damaged.
func (h *history) fail(c *call, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts["failed"]++
	h.finish(c)
	c.failed = append(c.failed, fmt.Sprintf("client %d, %v to %v: %s: %v", c.client, time.Duration(c.at), time.Duration(h.now()), c.in, err))
	if errors.Is(err, driver.ErrCorrupt) {
		h.problems = append(h.problems, fmt.Errorf("%s of %s: %w", c.in, c.key, err))
	}
}

func (h *history) finish(c *call) {
	h.ended++
	if c.in.method != get {
		c.underWay--
	}
}

func (h *history) currentKey(i int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current[i].key
}

// done is how many operations have ended.
func (h *history) done() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended
}

func (h *history) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := []string{fmt.Sprintf("%d operations on %d keys:", h.ended, len(h.keys))}
	for _, kind := range slices.Sorted(maps.Keys(h.counts)) {
		text = append(text, fmt.Sprintf("%d %s", h.counts[kind], kind))
	}
	return strings.Join(text, " ")
}
