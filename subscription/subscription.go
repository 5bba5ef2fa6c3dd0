// Package subscription is the consumer's side of a checkpoint: it resumes where
// the last run ended, knows which events are in work, and stores how far the
// work is done, never past an event that is not.
//
// One goroutine reads the log. It calls [Subscription.Track] for every event,
// hands the event with the [Work] that it got to a worker, and calls
// [Subscription.Skip] for positions that carry no work. Workers call [Work.Done]
// in any order. The subscription stores the low watermark every so many events
// and every so often, and on Close. [Run] does all of that for a function
// that handles an event. With Options.Lease, one instance is at work at a time.
package subscription

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/keeper"
	"github.com/checkpointstore/checkpoint/tracker"
)

// A Subscription is one consumer's place in its log. Track and Skip are for the
// one goroutine that reads the log; everything else may be called from any
// number of goroutines at once.
type Subscription struct {
	store *checkpoint.Store
	key   string
	opts  Options
	log   *slog.Logger
	hooks hooks

	resume  checkpoint.Position
	resumes bool
	// again says that what another run stored must be stored once more, though
	// the position does not move: with this run's expiry, or the log's identity.
	again   bool
	lease   *keeper.Lease // nil without one
	unwatch func() bool   // of the lease

	tracker tracker.Tracker
	room    chan struct{} // of capacity 1: work is done that Track may wait for
	waiting atomic.Bool   // whether Track does
	acks    atomic.Int64  // calls of Done and Skip, at least as many as events are done
	flushed atomic.Int64  // the acks that the last flush knew of
	due     chan struct{} // of capacity 1: a flush is

	ctx       context.Context // ends, with its cause, when the subscription does
	end       context.CancelCauseFunc
	flushing  context.Context // of flushes in the background
	stopFlush context.CancelFunc
	closing   chan struct{} // closed by Close
	isClosing atomic.Bool
	closed    chan struct{}  // closed when Close is done
	outdone   atomic.Bool    // another instance is at work, or may be
	told      atomic.Bool    // Run has returned why the subscription ended
	running   sync.WaitGroup // flushes in the background

	mu      sync.Mutex
	stats   Stats
	entered int64               // events tracked and skipped since Open: under mu, those that the tracker knows
	last    checkpoint.Position // of those, or where it resumes
}

// Errors that end a subscription, besides checkpoint.ErrFenced and those of the
// store and of the caller's handlers.
var (
	// ErrNoCheckpoint is the error of Open where there is no checkpoint, and
	// Options.Missing is Refuse.
	ErrNoCheckpoint = errors.New("there is no checkpoint to resume from")

	// ErrLeaseLost says that the lease could not be kept: it was taken over,
	// ended by a rewind, or could not be renewed in time.
	ErrLeaseLost = keeper.ErrLost

	// ErrOvertaken says that another instance has stored a newer position.
	ErrOvertaken = errors.New("another instance has stored a newer position")

	// ErrClosed is the error of Track and Skip after Close.
	ErrClosed = errors.New("the subscription is closed")
)

// Open loads the checkpoint at key, after it has got the lease if Options ask
// for one, and holds it to the log where they say how. The context is for Open
// alone.
//
// The Subscription must be closed. The store stays the caller's.
func Open(ctx context.Context, store *checkpoint.Store, key string, opts *Options) (*Subscription, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Subscription{
		store: store, key: key, opts: o, hooks: hooksOf(o.Observers),
		log:  o.Logger.With("component", "Subscription", "key", key),
		room: make(chan struct{}, 1), due: make(chan struct{}, 1), closing: make(chan struct{}),
		closed: make(chan struct{}),
	}
	s.ctx, s.end = context.WithCancelCause(context.Background())
	s.flushing, s.stopFlush = context.WithCancel(s.ctx)
	if o.Lease != nil {
		if err := s.keep(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.load(ctx); err != nil {
		// Also where it is ctx that has ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releasePatience)
		defer cancel()
		return nil, errors.Join(err, s.release(ctx))
	}
	if s.lease != nil {
		s.unwatch = s.watchLease()
	}
	if !o.StoredByHandler {
		s.running.Go(s.flushLoop)
	}
	return s, nil
}

func (s *Subscription) load(ctx context.Context) error {
	cp, err := s.store.Get(ctx, s.key)
	if errors.Is(err, checkpoint.ErrNotFound) {
		return s.begin(ctx, err)
	}
	if err == nil {
		err = s.guard(ctx, cp)
	}
	if err != nil {
		return err
	}
	s.stats.Stored, s.stats.StoredAt = cp.Position, cp.UpdatedAt
	adopts := cp.LogID != s.opts.LogID && s.opts.LogID != ""
	s.again = adopts || s.opts.TTL > 0 || !cp.ExpiresAt.IsZero()
	return s.resumeAt(cp.Position)
}

// begin does what Options.Missing says.
func (s *Subscription) begin(ctx context.Context, missing error) error {
	switch s.opts.Missing {
	case FromStart:
		return nil
	case FromHead:
		head, err := s.head(ctx)
		if err != nil {
			return err
		}
		return errors.Join(s.resumeAt(head), s.write(ctx, head))
	}
	return fmt.Errorf("subscription %q: %w: if this is its first run, say with Options.Missing where it begins: %w",
		s.key, ErrNoCheckpoint, missing)
}

func (s *Subscription) resumeAt(p checkpoint.Position) error {
	s.resume, s.resumes, s.last = p, true, p
	return s.tracker.Skip(p)
}

// Resume returns the position of the last event that was processed, which is
// what KurrentDB's From takes. It is false where there was no checkpoint: then
// begin at the start of the log. For KurrentDB that is Start: a nil From is the
// end.
func (s *Subscription) Resume() (checkpoint.Position, bool) { return s.resume, s.resumes }

// Epoch is that of the lease, or zero without one. Whatever else the consumer
// writes under the lease can be fenced with it, too.
func (s *Subscription) Epoch() uint64 {
	if s.lease == nil {
		return 0
	}
	return s.lease.Lease().Epoch
}

// Context ends when the subscription does, with the reason as its cause: the
// lease is lost, a write was fenced, an event failed, flushing failed for too
// long, or Close was called. Work that runs under it stops in time.
func (s *Subscription) Context() context.Context { return s.ctx }

// fail ends the subscription. The first reason stays. A log that is slow must
// not keep work going on.
func (s *Subscription) fail(err error) {
	first := s.ctx.Err() == nil
	s.end(err)
	if first {
		s.log.Error("subscription ended", "error", err.Error())
	}
}

// Err is why the subscription has ended, or nil while it runs and after a Close
// that nothing preceded.
func (s *Subscription) Err() error {
	err := context.Cause(s.ctx)
	if err == ErrClosed { //nolint:errorlint // that of a handler may wrap it
		return nil
	}
	return err
}

// Close stores what is acknowledged, releases the lease, so that a standby takes
// over at once, and ends the subscription. Stop reading and wait for the workers
// first: work that is done later is not stored, and is done again by the next
// run. The context limits how long storing may take.
//
// The error is why the subscription had ended before, unless Run has said so, and
// why what was acknowledged could not be stored. To close again only waits until
// that is done.
func (s *Subscription) Close(ctx context.Context) error {
	if s.isClosing.Swap(true) {
		select {
		case <-s.closed:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	defer close(s.closed)
	return s.close(ctx)
}

func (s *Subscription) close(ctx context.Context) error {
	close(s.closing)
	if s.unwatch != nil {
		s.unwatch() // it is given up anyhow
	}
	// A flush that hangs is given up with ctx; the last one stores the same.
	stop := context.AfterFunc(ctx, s.stopFlush)
	defer stop()
	s.running.Wait()
	var err error
	// After a failed event, too: nothing at or past it is stored.
	if !s.opts.StoredByHandler && !s.outdone.Load() {
		err = s.lastFlush(ctx)
	}
	if !s.told.Load() {
		err = errors.Join(s.failure(), err)
	}
	s.end(ErrClosed)
	// Last, since a renewal that hangs must not take the time to store.
	return errors.Join(err, s.release(ctx))
}
