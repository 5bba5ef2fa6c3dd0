package subscription

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/instance"
)

const (
	// reportPatience is how long one report may take. A report is no reason to wait.
	reportPatience = 2 * time.Second

	// reportsInTTL is how many reports may fail before the status is gone.
	reportsInTTL = 3
)

// A reporter tells the store every few seconds what the subscription does, and hears
// whether the key is paused.
type reporter struct {
	every time.Duration // zero: it does not report
	fixed checkpoint.Status
	timer *time.Timer // until the next report; nil if it does not report
	again atomic.Bool // report once more, soon
	ctx   context.Context
	stop  context.CancelFunc

	held     atomic.Bool // the lease is acquired, or none is needed
	draining atomic.Bool // Run reads no more
	retries  atomic.Int64
	parked   atomic.Int64
	failure  atomic.Pointer[failure]
	times    eventTimes

	mu      sync.Mutex // held while it reports
	ended   bool
	pace    pace
	heads   heads
	state   checkpoint.State
	since   time.Time
	low     checkpoint.Position
	moved   time.Time
	failing bool
}

type failure struct {
	text string
	at   time.Time
}

func (r *reporter) init(every time.Duration, name string) {
	host, _ := os.Hostname()
	r.every = every
	r.fixed = checkpoint.Status{Instance: name, Host: host, PID: os.Getpid(), Version: instance.Version()}
	r.ctx, r.stop = context.WithCancel(context.Background())
}

// failed keeps the text of an error for the next report.
func (r *reporter) failed(err error) {
	if r.every > 0 && err != nil {
		r.failure.Store(&failure{err.Error(), time.Now()})
	}
}

// reportSoon is when the subscription tells that its state has changed.
const reportSoon = time.Millisecond

// soon is called when the state has changed.
func (r *reporter) soon() {
	if r.timer != nil {
		r.again.Store(true)
		r.timer.Reset(reportSoon)
	}
}

// startReports reports once, waits while the key is paused, and goes on to report.
func (s *Subscription) startReports(ctx context.Context) error {
	r := &s.reporter
	if r.every == 0 {
		return nil
	}
	r.mu.Lock()
	err := s.report(ctx)
	if errors.Is(err, checkpoint.ErrUnsupported) {
		r.every = 0
	} else {
		r.timer = time.AfterFunc(r.every, s.reportAgain)
	}
	r.mu.Unlock()
	return s.waitForResume(ctx)
}

func (s *Subscription) reportAgain() {
	r := &s.reporter
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	r.again.Store(false)
	_ = s.report(r.ctx) // it has logged why it failed
	next := r.every
	if r.again.Load() {
		next = reportSoon
	}
	r.timer.Reset(next)
}

// endReports removes the report. A report that is left ends by itself.
func (s *Subscription) endReports(ctx context.Context) {
	r := &s.reporter
	r.stop()
	if r.timer == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.timer.Stop()
	ctx, cancel := context.WithTimeout(ctx, reportPatience)
	defer cancel()
	if _, err := s.store.Report(ctx, s.key, r.fixed, 0); err != nil {
		s.log.Debug("the status is left behind, and ends by itself", "error", err.Error())
	}
}

// report stores the status, and does what the answer says.
func (s *Subscription) report(ctx context.Context) error {
	r := &s.reporter
	status := s.status(ctx)
	limited, cancel := context.WithTimeout(ctx, reportPatience)
	defer cancel()
	each(s.hooks.reports, func(o ReportedObserver) { o.Reported(s.key, status) })
	pause, err := s.store.Report(limited, s.key, status, reportsInTTL*r.every)
	if err != nil && !r.failing && ctx.Err() == nil && !errors.Is(err, checkpoint.ErrUnsupported) {
		s.log.Warn("the status could not be reported, and operators do not see this instance", "error", err.Error())
	}
	if r.failing = err != nil; r.failing {
		return err
	}
	if s.pausing.set(pause) {
		s.heedPause(pause)
	}
	return nil
}

// status returns what the subscription knows of itself.
func (s *Subscription) status(ctx context.Context) checkpoint.Status {
	r, now := &s.reporter, time.Now()
	status := r.fixed
	if state := s.state(); state != r.state {
		r.state, r.since = state, now
	}
	status.State, status.Since, status.Now = r.state, r.since.UTC(), now.UTC()
	status.Retries, status.Parked = r.retries.Load(), r.parked.Load()
	if f := r.failure.Load(); f != nil {
		status.LastError, status.LastErrorAt = f.text, f.at.UTC()
	}
	if !r.held.Load() {
		return status
	}
	stats := s.Stats()
	status.Position = &stats.LowWatermark
	status.InFlight, status.OldestAge, status.Done = stats.InFlight, stats.Oldest.Age, stats.Done
	s.tellLog(ctx, &status)
	if r.low != stats.LowWatermark && len(r.pace.readings) > 0 {
		r.moved = now
	}
	r.low = stats.LowWatermark
	status.AdvancedAt = r.moved.UTC()
	status.Rate, status.Pace, status.HeadPace = r.pace.add(reading{now, stats.Done, stats.LowWatermark, status.Head})
	s.tellLag(&status, stats.LowWatermark, now)
	return status
}

// tellLog says where the log ends and begins. The low watermark is older than both. A log
// that hangs must leave the report its time.
func (s *Subscription) tellLog(ctx context.Context, status *checkpoint.Status) {
	patience := min(reportPatience, s.reporter.every) / 2
	ask := func(what func(context.Context) (checkpoint.Position, error)) *checkpoint.Position {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		p, err := what(ctx)
		if err != nil {
			s.reporter.failed(err)
			return nil
		}
		return &p
	}
	if s.opts.Head != nil {
		status.Head = ask(s.head)
	}
	if s.opts.Tail != nil {
		status.Begins = ask(s.beforeTail)
	}
}

func (s *Subscription) state() checkpoint.State {
	switch {
	case s.life.over() != nil || s.reporter.draining.Load():
		return checkpoint.StateDraining
	case s.pausing.get() != nil:
		return checkpoint.StatePaused
	case !s.reporter.held.Load():
		return checkpoint.StateStandby
	}
	return checkpoint.StateRunning
}

// tellLag says how far the low watermark is behind, in positions and in time.
func (s *Subscription) tellLag(status *checkpoint.Status, low checkpoint.Position, now time.Time) {
	r := &s.reporter
	if status.Head != nil {
		r.heads.add(*status.Head, now)
		status.Lag = new(lag(*status.Head, low))
		each(s.hooks.lag, func(o LagObserver) { o.LagRead(s.key, *status.Lag) })
	}
	if at, ok := r.times.since(low); ok {
		status.LagTime = new(max(0, now.Sub(at)))
		return
	}
	if status.Head != nil {
		at, exact := r.heads.since(low)
		if at.IsZero() {
			at = now
		}
		status.LagTime, status.LagAtLeast = new(max(0, now.Sub(at))), !exact
	}
}
