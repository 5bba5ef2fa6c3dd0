package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// logStart is the position of the log's first byte. A log is addressed by
// bytes, as KurrentDB's is; one that starts here has already held an exabyte,
// so that a double can no longer tell neighbouring events apart.
const logStart = 1 << 60

// An Event is one line of an order. The Prepare of its Position is where it stands in the
// log. The Commit is where the last line of the same order stands: the lines of an order
// share one commit, and only the prepare tells them apart.
type Event struct {
	Position checkpoint.Position
	Order    uint64
	Product  string
	Quantity int64
}

// A logSummary says what a log holds.
type logSummary struct {
	Events int
	Bytes  int64
	First  checkpoint.Position
	Hold   checkpoint.Position // handlers of later events stop, until they are killed
	Past   checkpoint.Position // between Hold and Past lie more events than there are workers
	Wake   checkpoint.Position // past all that the former instance has read: it wakes up when another has stored Wake
	Last   checkpoint.Position
}

// part is how much of the log's events a checkpoint has passed, from 0 to 1.
func (s logSummary) part(p checkpoint.Position) float64 {
	if p.Compare(s.First) < 0 {
		return 0
	}
	return float64(p.Prepare-logStart) / float64(s.Last.Prepare-logStart)
}

// writeLog writes orders of n lines in all to a new log, and makes it durable.
func writeLog(ctx context.Context, path string, n int) (summary logSummary, err error) {
	f, err := os.Create(path)
	if err != nil {
		return logSummary{}, err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	w := logWriter{n: n, w: bufio.NewWriterSize(f, 256<<10)}
	for order := range randomOrders(n) {
		if err := w.append(order); err != nil {
			return logSummary{}, err
		}
		if ctx.Err() != nil {
			return logSummary{}, context.Cause(ctx)
		}
	}
	if err := w.w.Flush(); err != nil {
		return logSummary{}, err
	}
	return w.logSummary, f.Sync()
}

// A growingLog is a log that grows while others read it.
type growingLog struct {
	logWriter
	f    *os.File
	next func() ([]Event, bool)
	stop func()
}

// startLog starts a log that can grow to n events.
func startLog(path string, n int) (*growingLog, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	l := &growingLog{logWriter: logWriter{n: n, w: bufio.NewWriterSize(f, 256<<10)}, f: f}
	l.next, l.stop = iter.Pull(randomOrders(n))
	return l, nil
}

// grow appends at least n events, unless the log is full.
func (l *growingLog) grow(n int) error {
	for to := l.Events + n; l.Events < to; {
		order, ok := l.next()
		if !ok {
			break
		}
		if err := l.append(order); err != nil {
			return err
		}
	}
	return l.w.Flush()
}

func (l *growingLog) close() {
	l.stop()
	_ = l.f.Close() // grow has said what could not be written
}

type logWriter struct {
	logSummary
	n     int
	w     *bufio.Writer
	body  []byte
	lines []byte
}

// append writes the lines of one order and gives them their positions.
func (w *logWriter) append(order []Event) error {
	offset := uint64(logStart + w.Bytes)
	for i := range order {
		order[i].Position.Prepare = offset
		w.body = order[i].appendBody(w.body[:0])
		offset += uint64(checksumLen + len(w.body) + 1)
	}
	commit := order[len(order)-1].Position.Prepare
	w.lines = w.lines[:0]
	for i := range order {
		order[i].Position.Commit = commit
		w.body = order[i].appendBody(w.body[:0])
		w.lines = appendLine(w.lines, w.body)
		w.count(order[i].Position)
	}
	w.Bytes += int64(len(w.lines))
	_, err := w.w.Write(w.lines)
	return err
}

func (w *logWriter) count(p checkpoint.Position) {
	w.Events++
	w.Last = p
	switch hold := w.n * 3 / 10; w.Events {
	case 1:
		w.First = p
	case hold:
		w.Hold = p
	case hold + workers + 1:
		w.Past = p
	case max(w.n*6/10, hold+workers+plainQueue+2): // one event waits for room in the queue
		w.Wake = p
	}
}

// appendBody appends e as the body of a line. Its length does not depend on
// the position, which has 20 digits, so that an order can be laid out before
// its commit is known.
func (e *Event) appendBody(b []byte) []byte {
	b = fmt.Appendf(b, "%020d\t%020d\t", e.Position.Commit, e.Position.Prepare)
	b = append(strconv.AppendUint(b, e.Order, 10), '\t')
	b = append(append(b, e.Product...), '\t')
	return strconv.AppendInt(b, e.Quantity, 10)
}

// readLog yields the events of a log after a position, the one of the last event
// processed. The zero Position is before the first event.
func readLog(path string, after checkpoint.Position) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer f.Close()

		var offset int64
		resuming := after != checkpoint.Position{}
		if resuming {
			offset = int64(after.Prepare - logStart)
		}
		for l, err := range readLines(f, offset) {
			var e Event
			if err == nil {
				e, err = l.event()
			}
			if resuming && e.Position != after {
				err = notInLog(after, err)
			}
			if err != nil {
				yield(Event{}, fmt.Errorf("order log: %w", err))
				return
			}
			if resuming {
				resuming = false // this is the last event processed
				continue
			}
			if !yield(e, nil) {
				return
			}
		}
		if resuming {
			yield(Event{}, notInLog(after, errors.New("the log ends before it")))
		}
	}
}

// tailEvery is how often a reader looks whether a log has grown.
const tailEvery = 10 * time.Millisecond

// tailLog is readLog for a log that grows. At the end of the log, it waits for more
// events until ctx ends.
func tailLog(ctx context.Context, path string, after checkpoint.Position) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		tick := time.NewTicker(tailEvery)
		defer tick.Stop()
		for {
			for e, err := range readLog(path, after) {
				if errors.Is(err, errTorn) { // the writer is in the middle of the line
					break
				}
				if !yield(e, err) || err != nil {
					return
				}
				after = e.Position
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

func notInLog(p checkpoint.Position, found error) error {
	if found == nil {
		found = errors.New("another event stands there")
	}
	return fmt.Errorf("no event stands at %s, the checkpoint belongs to another log: %w", p, found)
}

func (l line) event() (Event, error) {
	f := fields{rest: l.body}
	e := Event{
		Position: checkpoint.Position{Commit: f.uint(), Prepare: f.uint()},
		Order:    f.uint(),
		Product:  f.text(),
		Quantity: f.int(),
	}
	if err := f.end(); err != nil {
		return Event{}, fmt.Errorf("the event at byte %d: %w", l.offset, err)
	}
	if e.Position.Prepare != uint64(logStart+l.offset) {
		return Event{}, fmt.Errorf("the event at byte %d says that it stands at %s", l.offset, e.Position)
	}
	return e, nil
}
