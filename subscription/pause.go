package subscription

import (
	"context"
	"sync"

	"github.com/checkpointstore/checkpoint"
)

// pausing is whether an operator has paused the key, as far as the subscription knows.
type pausing struct {
	mu    sync.Mutex
	since *checkpoint.Pause // nil: the key is not paused
	ends  chan struct{}     // closed when the pause ends
}

func (p *pausing) get() *checkpoint.Pause {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.since
}

// set reports whether the key was paused and is not, or the other way round.
func (p *pausing) set(to *checkpoint.Pause) (changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.since == nil && to != nil:
		p.ends, changed = make(chan struct{}), true
	case p.since != nil && to == nil:
		close(p.ends)
		changed = true
	}
	p.since = to
	return changed
}

// end returns a channel that is closed when the pause ends, or nil.
func (p *pausing) end() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since == nil {
		return nil
	}
	return p.ends
}

// heedPause makes Track wait, or go on.
func (s *Subscription) heedPause(p *checkpoint.Pause) {
	if p == nil {
		s.log.Info("the key is not paused any more, and the subscription reads on")
	} else {
		s.log.Warn("the key is paused, and the subscription reads no more", "pause", p.String())
	}
	s.work.pause(p != nil)
	s.reporter.soon()
}

// waitForResume waits while the key is paused.
func (s *Subscription) waitForResume(ctx context.Context) error {
	for {
		ends := s.pausing.end()
		if ends == nil {
			return nil
		}
		select {
		case <-ends:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.life.ctx.Done():
			return context.Cause(s.life.ctx)
		case <-s.life.closing:
			return ErrClosed
		}
	}
}
