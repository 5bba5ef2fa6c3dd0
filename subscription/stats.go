package subscription

import (
	"time"

	"github.com/checkpointstore/checkpoint"
)

// Stats is the state of a subscription at one moment.
type Stats struct {
	Stored        checkpoint.Position // last stored, also by the handler, or resumed from
	StoredAt      time.Time           // when a flush last stored it, or as Open found it; a handler does not move it
	LowWatermark  checkpoint.Position // what a flush would store now
	InFlight      int                 // events in work
	Oldest        InWork              // the event longest in work; zero: none is in work
	Done          int64               // events done and skipped since Open
	Flushes       int                 // how many flushes stored something
	FlushFailures int
	FlushError    error // of the last flush, or nil if it went well

	// LeaseLeft is how long the lease lasts, unless it is renewed. Zero: it has ended,
	// or there is none.
	LeaseLeft time.Duration
}

// Stats returns the state of the subscription now.
func (s *Subscription) Stats() Stats {
	stats := s.flusher.counts() // before the low watermark, which is never below what is stored
	low, ok := s.work.tracker.LowWatermark()
	stats.LowWatermark = low
	if ok && s.opts.StoredByHandler {
		stats.Stored = low
	}
	stats.InFlight, stats.Done = s.work.counts()
	now := time.Now()
	stats.Oldest, _ = s.oldest(now)
	if s.lease != nil {
		stats.LeaseLeft = s.lease.Left(now)
	}
	return stats
}
