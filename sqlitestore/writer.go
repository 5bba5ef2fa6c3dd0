package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A writer is the goroutine that does all writing. While it waits for the disk,
// the next jobs queue up. They become the next transaction.
type writer struct {
	db        *sql.DB
	shortcuts bool // see Options.NoShortcuts
	wait      wait
	check     func() error // fails if the file is not the opened one any more
	queue     *queue
	locked    atomic.Bool     // whether another process keeps the file locked
	ctx       context.Context // ends when the driver is closed
	cancel    context.CancelCauseFunc
	stopped   chan struct{}

	session   *session // nil: not connected
	nextPurge time.Time
	purged    purgePlace // where the next purge goes on
}

// maxWrites bounds one transaction.
const maxWrites = 4096

func newWriter(db *sql.DB, shortcuts bool, wait wait, check func() error) *writer {
	ctx, cancel := context.WithCancelCause(context.Background())
	w := &writer{
		db: db, shortcuts: shortcuts, wait: wait, check: check, queue: newQueue(),
		ctx: ctx, cancel: cancel, stopped: make(chan struct{}),
	}
	go w.loop()
	return w
}

// do runs f in a transaction. It returns when the transaction has ended or ctx
// ends. If f may still be running, or an error leaves open whether the
// transaction was committed, unknown is true.
func (w *writer) do(ctx context.Context, size int, f func(*transaction) error) ending {
	j := &job{run: f, size: size, done: make(chan ending, 1), from: time.Now()}
	if err := w.queue.add(j); err != nil {
		return ending{err: err}
	}
	select {
	case e := <-j.done:
		return e
	case <-ctx.Done():
		locked := w.locked.Load() // as long as the job waits, the writer does not forget it
		e := ending{err: ctx.Err(), unknown: !w.queue.withdraw(j)}
		if locked {
			e.err = w.wait.cutOff(e.err)
		}
		return e
	}
}

func (w *writer) close() error {
	w.cancel(driver.ErrClosed)
	w.queue.close()
	<-w.stopped
	w.disconnect()
	return w.db.Close()
}

func (w *writer) loop() {
	defer close(w.stopped)
	for range w.queue.wake {
		if w.ctx.Err() == nil {
			w.next()
			continue
		}
		for _, j := range w.queue.take(math.MaxInt) {
			j.done <- ending{err: driver.ErrClosed}
		}
		if w.queue.finished() {
			return
		}
	}
}

// next turns the waiting jobs into one transaction.
func (w *writer) next() {
	err := w.beginForWaiting()
	if errors.Is(err, errNothing) {
		return
	}
	jobs := w.queue.take(maxWrites)
	e := ending{err: err}
	if err == nil {
		jobs, e = w.run(jobs)
	} else {
		w.disconnect()
	}
	for _, j := range jobs {
		j.done <- e
	}
}

var errNothing = errors.New("no job waits")

// beginForWaiting begins a transaction. It waits for other processes as long as
// any job still waits.
func (w *writer) beginForWaiting() error {
	defer w.locked.Store(false)
	for n := 0; ; n++ {
		if w.queue.empty() {
			return errNothing // every caller has given up
		}
		err := w.begin()
		if err == nil || !isBusy(err) {
			return err
		}
		w.locked.Store(true)
		if late := w.queue.takeOlder(time.Now().Add(-w.wait.most)); len(late) > 0 {
			e := ending{err: w.wait.over(err)}
			for _, j := range late {
				j.done <- e
			}
		}
		if pause(w.ctx, n) != nil {
			return driver.ErrClosed
		}
	}
}

func (w *writer) begin() error {
	if err := w.check(); err != nil {
		return err
	}
	if w.session == nil {
		s, err := newSession(w.ctx, w.db, w.shortcuts)
		if err != nil {
			return err
		}
		w.session = s
	}
	return w.session.begin()
}

// run does jobs in the transaction that begin began, and ends the transaction.
// It also does the jobs that arrive meanwhile. Otherwise they would first wait
// for the fsync of other jobs. It returns all jobs that it has taken.
func (w *writer) run(jobs []*job) ([]*job, ending) {
	t := &transaction{statements: &w.session.statements, known: &w.session.known}
	left := maxWrites
	for done := 0; done < len(jobs); {
		t.now = time.Now() // no lease or expiry may start before its call
		for ; done < len(jobs); done++ {
			if err := jobs[done].run(t); err != nil {
				w.rollback()
				return jobs, ending{err: err}
			}
			left -= jobs[done].size
		}
		if left > 0 {
			runtime.Gosched() // callers that the last fsync woke can still join this transaction
			jobs = append(jobs, w.queue.take(left)...)
		}
	}
	return jobs, w.end(t, maxWrites-left)
}

// end purges, if it is time to, and commits. While there is more to purge, each
// transaction purges a part. The part has more rows than the transaction itself
// can have added.
func (w *writer) end(t *transaction, writes int) ending {
	var purged purgePlace
	if now := time.Now(); writes > 0 && now.After(w.nextPurge) {
		w.nextPurge = now.Add(purgeInterval) // a purge that fails must not fail the transactions after this one
		var err error
		purged, err = t.purge(w.purged, purgeLimit+writes)
		if err == nil {
			err = t.purgeTraces(purgeLimit)
		}
		if err != nil {
			w.rollback()
			return ending{err: err}
		}
	}
	if err := w.check(); err != nil {
		w.rollback()
		return ending{err: err}
	}
	if err := w.session.commit(); err != nil {
		w.rollback()
		// The whole transaction may be in the WAL. A process that recovers the
		// WAL would then commit it.
		return ending{err: err, unknown: true}
	}
	if w.purged = purged; purged != (purgePlace{}) {
		w.nextPurge = time.Time{}
	}
	return ending{}
}

func (w *writer) rollback() {
	// After some errors, SQLite has rolled back already, and ROLLBACK fails.
	if w.session.rollback() != nil {
		w.disconnect()
	}
}

func (w *writer) disconnect() {
	if w.session != nil {
		w.session.close()
		w.session = nil
	}
}
