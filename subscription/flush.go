package subscription

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
)

const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// flushLoop stores the low watermark until the subscription ends or is closed.
func (s *Subscription) flushLoop() {
	after := s.opts.FlushAfter
	if s.opts.TTL > 0 {
		after = min(after, max(s.opts.TTL/3, time.Millisecond))
	}
	if s.again {
		signal(s.due)
	}
	interval := time.NewTicker(after)
	defer interval.Stop()
	for {
		select {
		case <-interval.C:
		case <-s.due:
		case <-s.closing:
			return
		case <-s.ctx.Done():
			return
		}
		if err := s.flushPatiently(); err != nil {
			s.fail(err)
			return
		}
	}
}

// flushPatiently flushes, and tries again for as long as Options.FlushPatience.
// Closing it leaves the last word to Close.
func (s *Subscription) flushPatiently() error {
	ctx, cancel := context.WithTimeout(s.flushing, s.opts.FlushPatience)
	defer cancel()
	var failure error // the last but for the end of ctx
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := s.flush(ctx)
		if err == nil || isFinal(err) {
			return err
		}
		failure = reason(ctx, err, failure)
		if s.flushing.Err() != nil {
			return nil // it has ended, or Close has the last word
		}
		s.log.Warn("flush failed, and is tried again", "error", err.Error())
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("subscription %q: it could not be stored for %v: %w", s.key, s.opts.FlushPatience, failure)
		case <-s.closing:
			timer.Stop()
			return nil
		}
	}
}

// reason is why flushes fail, now with err: the end of ctx is less of a reason
// than what came before it.
func reason(ctx context.Context, err, before error) error {
	if ctx.Err() != nil && before != nil {
		return before
	}
	return err
}

// isFinal reports that to try again cannot help.
func isFinal(err error) bool {
	return errors.Is(err, checkpoint.ErrFenced) || errors.Is(err, checkpoint.ErrCorrupt) ||
		errors.Is(err, checkpoint.ErrClosed) || errors.Is(err, ErrOvertaken)
}

// flush stores the low watermark, if it has moved, or must not expire.
func (s *Subscription) flush(ctx context.Context) error {
	acks := s.acks.Load() // before the low watermark: it covers at least these
	p, ok := s.tracker.LowWatermark()
	s.mu.Lock()
	moved := p != s.stats.Stored || s.stats.StoredAt.IsZero()
	expiring := s.opts.TTL > 0 && time.Since(s.stats.StoredAt) >= s.opts.TTL/3
	again := expiring || s.stats.Flushes == 0 && s.again
	s.mu.Unlock()
	if !ok || !moved && !again {
		s.flushed.Store(acks)
		return nil
	}
	if err := s.write(ctx, p); err != nil {
		return err
	}
	s.flushed.Store(acks)
	return nil
}

func (s *Subscription) write(ctx context.Context, p checkpoint.Position) error {
	now := time.Now()
	stored, err := s.store.SetIfNewer(ctx, s.key, p,
		checkpoint.TTL(s.opts.TTL), checkpoint.Epoch(s.Epoch()), checkpoint.UpdatedAt(now), checkpoint.LogID(s.opts.LogID))
	overtaken := err == nil && !stored
	if overtaken {
		err = fmt.Errorf("subscription %q: %w than %s", s.key, ErrOvertaken, p)
	}
	if overtaken || errors.Is(err, checkpoint.ErrFenced) {
		s.outdone.Store(true)
	}
	s.note(p, now, err)
	f := Flush{Key: s.key, Position: p, Duration: time.Since(now), Err: err}
	each(s.hooks.flushed, func(o FlushedObserver) { o.Flushed(f) })
	return err
}

// note counts a flush.
func (s *Subscription) note(p checkpoint.Position, at time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.FlushError = err
	if err != nil {
		s.stats.FlushFailures++
		return
	}
	s.stats.Flushes++
	s.stats.Stored, s.stats.StoredAt = p, at
}

// lastFlush is Close's. It tries again as long as ctx lasts.
func (s *Subscription) lastFlush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.FlushPatience)
	defer cancel()
	var failure error // the last but for the end of ctx
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := s.flush(ctx)
		if err == nil || isFinal(err) {
			return err
		}
		failure = reason(ctx, err, failure)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return failure
		}
	}
}

// Stats is how a subscription stands.
type Stats struct {
	Stored        checkpoint.Position // the last that was stored, by the handler too, or resumed from
	StoredAt      time.Time           // when; zero: never
	LowWatermark  checkpoint.Position // what a flush would store now
	InFlight      int                 // events in work
	Done          int64               // events done and skipped since Open
	Flushes       int                 // that stored something
	FlushFailures int
	FlushError    error // of the last flush, or nil if it went well
}

// Stats returns how the subscription stands now.
func (s *Subscription) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	low, ok := s.tracker.LowWatermark()
	stats.LowWatermark = low
	if ok && s.opts.StoredByHandler {
		stats.Stored = low
	}
	stats.InFlight = s.tracker.InFlight()
	stats.Done = s.entered - int64(stats.InFlight)
	return stats
}
