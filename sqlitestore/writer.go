package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// A writer is the goroutine that does all writing. While it waits for the disk
// the next jobs queue up, and become the next transaction.
type writer struct {
	db          *sql.DB
	busyTimeout time.Duration
	queue       *queue
	ctx         context.Context // ends when the driver is closed
	cancel      context.CancelCauseFunc
	stopped     chan struct{}

	session   *session // nil: not connected
	nextPurge time.Time
}

// maxWrites bounds one transaction.
const maxWrites = 4096

func newWriter(db *sql.DB, busyTimeout time.Duration) *writer {
	ctx, cancel := context.WithCancelCause(context.Background())
	w := &writer{
		db: db, busyTimeout: busyTimeout, queue: newQueue(),
		ctx: ctx, cancel: cancel, stopped: make(chan struct{}),
	}
	go w.loop()
	return w
}

// do runs f in a transaction and returns when that is committed or ctx ends.
// Where f may still be running, or the transaction may have been committed,
// unknown is true.
func (w *writer) do(ctx context.Context, size int, f func(*transaction) error) ending {
	j := &job{run: f, size: size, done: make(chan ending, 1)}
	if err := w.queue.add(j); err != nil {
		return ending{err: err}
	}
	select {
	case e := <-j.done:
		return e
	case <-ctx.Done():
		return ending{err: context.Cause(ctx), unknown: !w.queue.withdraw(j)}
	}
}

func (w *writer) close() error {
	w.cancel(checkpoint.ErrClosed)
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
			j.done <- ending{err: checkpoint.ErrClosed}
		}
		if w.queue.finished() {
			return
		}
	}
}

// next turns what waits into one transaction.
func (w *writer) next() {
	err := whileBusy(w.ctx, w.busyTimeout, func() error {
		if w.queue.empty() {
			return errNothing // all withdrew
		}
		return w.begin()
	})
	if errors.Is(err, errNothing) {
		return
	}
	jobs := w.queue.take(maxWrites)
	e := ending{err: err}
	switch {
	case err == nil:
		e = w.commit(jobs)
	case !isBusy(err):
		w.disconnect()
	}
	for _, j := range jobs {
		j.done <- e
	}
}

var errNothing = errors.New("no job waits")

func (w *writer) begin() error {
	if w.session == nil {
		s, err := newSession(w.ctx, w.db)
		if err != nil {
			return err
		}
		w.session = s
	}
	return w.session.exec("BEGIN IMMEDIATE")
}

// commit ends the transaction that begin began.
func (w *writer) commit(jobs []*job) ending {
	t := &transaction{session: w.session, now: time.Now().UTC().Truncate(time.Millisecond)}
	for _, j := range jobs {
		if err := j.run(t); err != nil {
			w.rollback()
			return ending{err: err}
		}
	}
	if t.now.After(w.nextPurge) {
		if err := t.purge(); err != nil {
			w.rollback()
			return ending{err: err}
		}
		w.nextPurge = t.now.Add(purgeInterval)
	}
	if err := w.session.exec("COMMIT"); err != nil {
		w.rollback()
		// It may stand in the log, whole, for whoever recovers it.
		return ending{err: err, unknown: true}
	}
	return ending{}
}

func (w *writer) rollback() {
	// After some errors SQLite has rolled back already.
	if w.session.exec("ROLLBACK") != nil {
		w.disconnect()
	}
}

func (w *writer) disconnect() {
	if w.session != nil {
		w.session.close()
		w.session = nil
	}
}
