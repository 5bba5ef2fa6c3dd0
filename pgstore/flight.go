package pgstore

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

const (
	// maxFlights is how many transactions of a driver run at the same time. Changes that
	// come meanwhile wait, and go together as the next one.
	maxFlights = 2
	// maxChanges bounds one transaction.
	maxChanges = 2000
	// patience is how long a transaction counts as one of maxFlights. One that takes
	// longer waits for a lock, or for a server that does not answer.
	patience = time.Second
	// grace is how long a transaction goes on when no caller waits for it any more. To
	// end it closes its connection.
	grace = time.Second
)

// A writer makes changes in transactions.
type writer struct {
	transact func(context.Context, []*change)
	apart    bool            // whether each job is a transaction of its own, however many run
	ctx      context.Context // ends a grace after the driver is closed
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	waiting []*job
	flights int
	closed  bool
}

// A job is the changes of one call.
type job struct {
	changes []*change
	done    chan struct{}
	flight  *flight // nil: it still waits
}

// A flight is the jobs of one transaction.
type flight struct {
	callers int // how many still wait for it
	cancel  context.CancelFunc
	over    bool // whether it does not count any more
}

func newWriter(transact func(context.Context, []*change)) *writer {
	ctx, cancel := context.WithCancel(context.Background())
	return &writer{transact: transact, ctx: ctx, cancel: cancel}
}

// do makes changes. It returns nil when each of them has its ending. If it returns an
// error, ctx has ended, or the writer is closed. Then the changes may still be under way
// if begun is true, and will not be made if it is false.
func (w *writer) do(ctx context.Context, changes []*change) (begun bool, err error) {
	j := &job{changes: changes, done: make(chan struct{})}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return false, driver.ErrClosed
	}
	if w.apart || len(w.waiting) == 0 && w.flights < maxFlights {
		w.flights++
		w.running.Add(1)
		w.mu.Unlock()
		defer w.running.Done()
		w.alone(ctx, changes)
		return true, nil
	}
	w.waiting = append(w.waiting, j)
	w.start()
	w.mu.Unlock()
	select {
	case <-j.done:
		return true, nil
	case <-ctx.Done():
		return w.leave(j), ctx.Err()
	}
}

// alone makes changes in the goroutine of a caller that waits for nobody. It counts
// as a flight, and another one follows if jobs wait by then.
func (w *writer) alone(ctx context.Context, changes []*change) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.ctx, cancel)()
	f := &flight{cancel: cancel}
	overdue := time.AfterFunc(patience, func() { w.lose(f) })
	defer overdue.Stop()
	w.transact(ctx, changes)
	if w.goOn(f) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.flights--
		w.start()
	}
}

// start begins a flight if jobs wait and the limit allows another. The caller holds mu.
func (w *writer) start() {
	if len(w.waiting) > 0 && w.flights < maxFlights {
		w.flights++
		w.running.Go(w.fly)
	}
}

// leave gives up waiting for j, and reports whether it has begun.
func (w *writer) leave(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.flight == nil {
		if i := slices.Index(w.waiting, j); i >= 0 {
			w.waiting = slices.Delete(w.waiting, i, i+1)
		}
		return false
	}
	if j.flight.callers--; j.flight.callers == 0 {
		time.AfterFunc(grace, j.flight.cancel)
	}
	return true
}

// fly makes the jobs that wait, one transaction after another, until there are none.
func (w *writer) fly() {
	for w.next() {
		// The callers that this transaction woke may call again at once, and join the
		// next one.
		runtime.Gosched()
	}
}

// next makes the next transaction, and reports whether the flight goes on.
func (w *writer) next() bool {
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	f := &flight{cancel: cancel}
	jobs := w.take(f)
	if len(jobs) == 0 {
		return false
	}
	overdue := time.AfterFunc(patience, func() { w.lose(f) })
	defer overdue.Stop()
	var changes []*change
	for _, j := range jobs {
		changes = append(changes, j.changes...)
	}
	w.transact(ctx, changes)
	for _, j := range jobs {
		close(j.done)
	}
	return w.goOn(f)
}

// take returns the jobs of the next transaction. If there are none, the flight is over.
func (w *writer) take(f *flight) []*job {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, size := 0, 0
	for n < len(w.waiting) && (n == 0 || size+len(w.waiting[n].changes) <= maxChanges) {
		size += len(w.waiting[n].changes)
		w.waiting[n].flight = f
		n++
	}
	jobs := slices.Clone(w.waiting[:n])
	w.waiting = slices.Delete(w.waiting, 0, n)
	f.callers = n
	if n == 0 {
		w.flights--
	}
	return jobs
}

// lose lets another flight take the place of f.
func (w *writer) lose(f *flight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !f.over {
		f.over = true
		w.flights--
		w.start()
	}
}

// goOn reports whether f's goroutine still counts as a flight.
func (w *writer) goOn(f *flight) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.over {
		return false
	}
	f.over = true
	return true
}

// close fails what waits, and waits for what runs, for a grace.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	waiting := w.waiting
	w.waiting = nil
	w.mu.Unlock()
	for _, j := range waiting {
		for _, c := range j.changes {
			c.end = ending{err: driver.ErrClosed}
		}
		close(j.done)
	}
	timer := time.AfterFunc(grace, w.cancel)
	defer timer.Stop()
	w.running.Wait()
	w.cancel()
}
