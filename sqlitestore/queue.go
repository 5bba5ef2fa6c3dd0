package sqlitestore

import (
	"slices"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A job is the work of one call in a transaction. The call may withdraw the job
// until the writer takes it.
type job struct {
	run  func(*transaction) error
	size int
	done chan ending // of capacity 1
	from time.Time   // when the job began to wait
}

// An ending is the outcome of a job's transaction.
type ending struct {
	err     error
	unknown bool // whether it may have been committed despite err
}

// A queue holds the jobs that wait for the writer.
type queue struct {
	mu     sync.Mutex
	jobs   []*job
	closed bool
	wake   chan struct{} // of capacity 1: there is something to do
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

func (q *queue) add(j *job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return driver.ErrClosed
	}
	q.jobs = append(q.jobs, j)
	q.signal()
	return nil
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// withdraw takes j back. It reports false if the writer has taken j already.
func (q *queue) withdraw(j *job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range q.jobs {
		if other == j {
			q.jobs = slices.Delete(q.jobs, i, i+1)
			return true
		}
	}
	return false
}

// take returns jobs that have at most size writes together. If any job waits,
// it returns at least one.
func (q *queue) take(size int) []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.jobs) && (n == 0 || size >= q.jobs[n].size) {
		size -= q.jobs[n].size
		n++
	}
	taken := q.takeFirst(n)
	if len(q.jobs) > 0 {
		q.signal()
	}
	return taken
}

// takeOlder returns the jobs that have waited since before t.
func (q *queue) takeOlder(t time.Time) []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.jobs) && q.jobs[n].from.Before(t) {
		n++
	}
	return q.takeFirst(n)
}

// takeFirst keeps no reference to the jobs that it takes. Otherwise, after a
// burst, the queue would keep the writes of all calls of the burst in memory.
func (q *queue) takeFirst(n int) []*job {
	taken := slices.Clone(q.jobs[:n])
	q.jobs = slices.Delete(q.jobs, 0, n)
	return taken
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.jobs) == 0
}

// finished reports whether no job waits and none will come.
func (q *queue) finished() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && len(q.jobs) == 0
}

// close refuses further jobs.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}
