// Package subscription is the consumer's side of a checkpoint. A [Subscription]
// resumes where the last run ended, and knows which events are in work. It stores
// the low watermark: the highest position with no unfinished event at or below it.
//
// One goroutine reads the log. It calls [Subscription.Track] for every event, and
// passes the event to a worker, with the [Work] that Track returned. It calls
// [Subscription.Skip] for positions that carry no work. Workers call [Work.Done]
// in any order. The Subscription stores the low watermark after a number of
// events, after some time, and on Close: see Options.FlushEvery and
// Options.FlushAfter. [Run] does all of this for a function that handles an event.
// With Options.Lease, one instance is at work at a time.
package subscription

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/keeper"
)

// A Subscription is one consumer's place in its log. Track and Skip are for the one
// goroutine that reads the log. Everything else may be called from any number of
// goroutines at once.
type Subscription struct {
	store *checkpoint.Store
	key   string
	opts  Options
	log   *slog.Logger
	hooks hooks

	lease    *keeper.Lease       // nil without one
	start    checkpoint.Position // where it resumes
	work     inWork
	hands    hands
	watch    *time.Timer // looks for events that are stuck
	flusher  flusher
	life     life
	pausing  pausing
	reporter reporter
	ran      atomic.Bool // Run was called
}

// Errors that end a subscription, besides checkpoint.ErrFenced and the errors of the
// store and of the caller's handlers.
var (
	// ErrNoCheckpoint is the error of Open if there is no checkpoint and
	// Options.Missing is Refuse.
	ErrNoCheckpoint = errors.New("there is no checkpoint to resume from")

	// ErrLeaseLost says that the lease could not be kept: another owner took it over, a
	// rewind ended it, or it could not be renewed in time.
	ErrLeaseLost = keeper.ErrLost

	// ErrOvertaken says that another instance has stored a newer position.
	ErrOvertaken = errors.New("another instance has stored a newer position")

	// ErrDrainTimeout says that a handler was still at work after Options.DrainTimeout,
	// or that the reader had not returned.
	ErrDrainTimeout = errors.New("the handlers and the reader did not finish in time")

	// ErrClosed is the error of Track and Skip after Close.
	ErrClosed = errors.New("the subscription is closed")
)

// Open waits while the key is paused (see checkpoint.Store.Pause). It gets the lease, if
// the Options ask for one, and then loads the checkpoint at key. If the Options say how,
// it checks the checkpoint against the log. The context is for Open alone.
//
// The caller must close the Subscription. Close leaves the store open.
func Open(ctx context.Context, store *checkpoint.Store, key string, opts *Options) (*Subscription, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Subscription{
		store: store, key: key, opts: o, hooks: hooksOf(o.Observers),
		log: o.Logger.With("component", "Subscription", "key", key),
	}
	s.life.init()
	s.work.init(o.MaxInFlight, o.MaxAhead)
	s.flusher.init(s.life.ctx, o.FlushEvery)
	s.reporter.init(o.ReportEvery, o.instance())
	if err := s.begins(ctx); err != nil {
		// Release the lease even if ctx has ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releasePatience)
		defer cancel()
		err = errors.Join(err, s.release(ctx))
		s.endReports(ctx)
		return nil, err
	}
	if s.lease != nil {
		context.AfterFunc(s.lease.Context(), s.leaseEnded)
	}
	each(s.hooks.opened, func(o OpenedObserver) { o.Opened(key, s) })
	s.startWatch()
	if !o.StoredByHandler {
		if s.flusher.again {
			signal(s.flusher.due)
		}
		s.flusher.running.Go(s.flushLoop)
	}
	return s, nil
}

// begins waits until the subscription may begin, and loads the checkpoint.
func (s *Subscription) begins(ctx context.Context) error {
	if err := s.startReports(ctx); err != nil {
		return err
	}
	if s.opts.Lease != nil {
		if err := s.keep(ctx); err != nil {
			return err
		}
	}
	if err := s.load(ctx); err != nil {
		return err
	}
	s.reporter.held.Store(true)
	s.reporter.soon()
	return nil
}

// Epoch returns the epoch of the lease, or zero without a lease. The consumer can also
// fence its other writes with this epoch.
func (s *Subscription) Epoch() uint64 {
	if s.lease == nil {
		return 0
	}
	return s.lease.Lease().Epoch
}

// Close stores the low watermark, releases the lease, so that a standby takes over at
// once, and ends the subscription. Stop reading and wait for the workers first: Close
// does not store work that is done later, and the next run does it again. While a
// handler of [Run] is at work, Close does not release the lease, which then ends by
// itself. The context limits how long Close may take. If the context has ended before,
// Close neither stores nor releases anything: do not pass the context that a signal ends.
//
// The error says why the subscription had ended before, unless Run has returned the
// reason. It also says why Close could not store the low watermark, or could not release
// the lease. A second Close only waits until the first is done.
func (s *Subscription) Close(ctx context.Context) error {
	if s.life.isClosing.Swap(true) {
		select {
		case <-s.life.closed:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	defer close(s.life.closed)
	return s.close(ctx)
}

// Abandon is Close for a consumer that is still at work and cannot be stopped. It stores
// the low watermark and ends the subscription. It does not release the lease: the lease
// ends by itself. After the end of the subscription's context, the lease lasts for about
// 2/3 of its TTL at least, or for less if the last renewals failed. If the consumer stops
// in this time, no other instance begins while this one is still at work.
func (s *Subscription) Abandon(ctx context.Context) error {
	s.life.abandoned.Store(true)
	return s.Close(ctx)
}

func (s *Subscription) close(ctx context.Context) error {
	close(s.life.closing)
	s.watch.Stop()
	// A flush that hangs is given up with ctx; the last one stores the same.
	stop := context.AfterFunc(ctx, s.flusher.stop)
	defer stop()
	s.flusher.running.Wait()
	var err error
	// Flush even after a failed event: nothing at or past it is stored.
	if !s.opts.StoredByHandler && !s.life.outdone.Load() {
		err = s.flushPatiently(ctx, nil)
	}
	if !s.life.told.Load() {
		err = errors.Join(s.Err(), err)
	}
	s.life.end(ErrClosed)
	// After the flush, since a renewal that hangs must not take the time to store.
	err = errors.Join(err, s.release(ctx))
	s.endReports(ctx)
	return err
}
