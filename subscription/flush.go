package subscription

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/clock"
)

const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// A flusher knows what is stored, and when to store again.
type flusher struct {
	every   int           // after how many acks a flush is due
	due     chan struct{} // of capacity 1: a flush is
	acks    atomic.Int64  // calls of Done and Skip, at least as many as events are done
	flushed atomic.Int64  // the acks that the last flush knew of

	ctx     context.Context // of flushes in the background
	stop    context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	stats Stats // of flushes alone
	// again says that the position must be stored once more although it does not
	// move: another run stored it without this run's expiry or log identity.
	again bool
}

func (f *flusher) init(life context.Context, every int) {
	f.every, f.due = every, make(chan struct{}, 1)
	f.ctx, f.stop = context.WithCancel(life)
}

// count makes a flush due after every so many events.
func (f *flusher) count() {
	if f.acks.Add(1)-f.flushed.Load() >= int64(f.every) {
		signal(f.due)
	}
}

func (f *flusher) counts() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

// stale reports whether p is not stored, or what is stored would expire.
func (f *flusher) stale(p checkpoint.Position, ttl time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	moved := p != f.stats.Stored || f.stats.StoredAt.IsZero()
	now := time.Now() // by the wall clock, too: the machine may have been suspended
	age := max(now.Sub(f.stats.StoredAt), clock.Wall(now).Sub(f.stats.StoredAt.Round(0)))
	expiring := ttl > 0 && age >= ttl/3
	return moved || expiring || f.again
}

// note takes the answer to a flush.
func (f *flusher) note(p checkpoint.Position, at time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.FlushError = err
	if err != nil {
		f.stats.FlushFailures++
		return
	}
	f.stats.Flushes++
	f.stats.Stored, f.stats.StoredAt = p, at
	f.again = false
}

// flushLoop stores the low watermark until the subscription ends or is closed.
func (s *Subscription) flushLoop() {
	after := s.opts.FlushAfter
	if s.opts.TTL > 0 {
		after = min(after, max(s.opts.TTL/3, time.Millisecond))
	}
	interval := time.NewTicker(after)
	defer interval.Stop()
	for {
		select {
		case <-interval.C:
		case <-s.flusher.due:
		case <-s.life.closing:
			return
		case <-s.life.ctx.Done():
			return
		}
		err := s.flushPatiently(s.flusher.ctx, s.life.closing)
		if s.flusher.ctx.Err() != nil && !isFinal(err) {
			return // Close has the last word
		}
		if err != nil {
			s.fail(err)
			return
		}
	}
}

// flushPatiently flushes, and tries again until Options.FlushTimeout is over, or ctx or
// quit ends. The end of quit is no error.
func (s *Subscription) flushPatiently(ctx context.Context, quit <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.FlushTimeout)
	defer cancel()
	began := time.Now()
	var failure error
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := s.flush(ctx)
		if err == nil || isFinal(err) {
			return err
		}
		if failure == nil || ctx.Err() == nil { // the end of ctx is less of a reason than what came before
			failure = err
		}
		if ctx.Err() == nil {
			s.reporter.failed(err)
			s.log.Warn("a flush failed, and the subscription tries again", "error", err.Error())
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			continue
		case <-ctx.Done():
			err = fmt.Errorf("subscription %q: the low watermark could not be stored for %v: %w",
				s.key, time.Since(began).Round(time.Millisecond), failure)
		case <-quit:
			err = nil
		}
		timer.Stop()
		return err
	}
}

// isFinal reports whether another attempt cannot help.
func isFinal(err error) bool {
	return errors.Is(err, checkpoint.ErrFenced) || errors.Is(err, checkpoint.ErrCorrupt) ||
		errors.Is(err, checkpoint.ErrClosed) || errors.Is(err, ErrOvertaken)
}

// flush stores the low watermark if it has moved, or if what is stored would expire.
func (s *Subscription) flush(ctx context.Context) error {
	// Before the low watermark, which covers at least these.
	acks, settled := s.flusher.acks.Load(), s.work.settled()
	if p, ok := s.work.tracker.LowWatermark(); ok && s.flusher.stale(p, s.opts.TTL) {
		if err := s.write(ctx, p); err != nil {
			return err
		}
	}
	s.flusher.flushed.Store(acks)
	s.work.keep(settled)
	return nil
}

func (s *Subscription) write(ctx context.Context, p checkpoint.Position) error {
	now := time.Now()
	for _, o := range s.hooks.starts {
		ctx = o.FlushStart(ctx, s.key, p)
	}
	stored, err := s.store.SetIfNewer(ctx, s.key, p,
		checkpoint.TTL(s.opts.TTL), checkpoint.Epoch(s.Epoch()), checkpoint.UpdatedAt(now), checkpoint.LogID(s.opts.LogID))
	overtaken := err == nil && !stored
	if overtaken {
		err = fmt.Errorf("subscription %q: %w than %s", s.key, ErrOvertaken, p)
	}
	if overtaken || errors.Is(err, checkpoint.ErrFenced) {
		s.life.outdone.Store(true)
	}
	s.flusher.note(p, now, err)
	f := Flush{Context: ctx, Key: s.key, Position: p, Duration: time.Since(now), Err: err}
	each(s.hooks.flushed, func(o FlushedObserver) { o.Flushed(f) })
	return err
}
