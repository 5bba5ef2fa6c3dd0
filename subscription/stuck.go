package subscription

import "time"

// looks is how often the subscription looks for stuck events: four times within
// Options.StuckAfter.
const looks = 4

func (s *Subscription) startWatch() {
	s.hands.mu.Lock()
	defer s.hands.mu.Unlock()
	s.watch = time.AfterFunc(s.opts.StuckAfter/looks, s.look)
}

// oldest returns the event that has been in work for the longest time.
func (s *Subscription) oldest(now time.Time) (oldest InWork, ok bool) {
	for _, h := range s.hands.all(s.work.tracker.Oldest, now) {
		if w, busy := h.holds(now); busy && (!ok || w.Age > oldest.Age) {
			oldest, ok = w, true
		}
	}
	return oldest, ok
}

// look warns of the events that are stuck, and schedules the next look.
func (s *Subscription) look() {
	if s.life.over() != nil {
		return
	}
	now := time.Now()
	next := s.opts.StuckAfter / looks
	var stuck []InWork
	for _, h := range s.hands.all(s.work.tracker.Oldest, now) {
		w, left, is := h.stuck(s.opts.StuckAfter, now)
		if is {
			stuck = append(stuck, w)
		}
		next = min(next, left)
	}
	// This comes before the log and the observers, which may hang.
	s.hands.mu.Lock()
	s.watch.Reset(max(next, time.Millisecond))
	s.hands.mu.Unlock()
	for _, w := range stuck {
		s.log.Warn("an event has been in work for long, and holds the low watermark back", "position", w.Position.String(),
			"age", w.Age.Round(time.Millisecond).String(), "attempts", w.Attempts)
		e := Event{Key: s.key, Position: w.Position, Duration: w.Age, Attempt: w.Attempts}
		each(s.hooks.stuck, func(o EventStuckObserver) { o.EventStuck(e) })
	}
}

// stuck reports whether it is time to warn of what h holds: after limit, and whenever
// the age has doubled. If it is not, left is how long that takes.
func (h *hand) stuck(limit time.Duration, now time.Time) (w InWork, left time.Duration, is bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, busy := h.inWork(now)
	if !busy {
		return w, limit, false
	}
	due := max(limit, 2*h.warned)
	is = w.Age >= due
	for ; due <= w.Age; due *= 2 {
		h.warned = due
	}
	return w, due - w.Age, is
}
