package subscription

import (
	"context"
	"fmt"
	"sync/atomic"
)

// Shared bounds what several calls of [Run] do together, for instance those of the
// partitions that one process consumes. It may be used from any number of goroutines at
// once.
type Shared struct {
	inFlight, workers chan struct{} // each value is an event
}

// NewShared returns a Shared for at most maxInFlight events in work, and at most workers
// handlers, at the same time. It panics if either is below 1.
//
// Each Run keeps to its own Options.MaxInFlight and Handler.Workers as well. So choose an
// Options.MaxInFlight well below maxInFlight: then a partition whose events wait for
// another attempt leaves room for the others.
func NewShared(maxInFlight, workers int) *Shared {
	if maxInFlight < 1 || workers < 1 {
		panic(fmt.Sprintf("subscription: NewShared(%d, %d): both must be at least 1", maxInFlight, workers))
	}
	return &Shared{inFlight: make(chan struct{}, maxInFlight), workers: make(chan struct{}, workers)}
}

// A part is what one Run has of a Shared. Without a Shared it bounds nothing.
type part struct {
	*Shared
	entered atomic.Int64 // events in work
}

// enter waits until an event may be in work.
func (p *part) enter(ctx context.Context) error {
	if p.Shared == nil {
		return nil
	}
	if err := take(ctx, p.inFlight); err != nil {
		return err
	}
	p.entered.Add(1)
	return nil
}

// leave says that an event is in work no more.
func (p *part) leave() {
	if p.Shared == nil {
		return
	}
	for {
		n := p.entered.Load()
		if n == 0 { // its Run has returned before its handler
			return
		}
		if p.entered.CompareAndSwap(n, n-1) {
			<-p.inFlight
			return
		}
	}
}

// end gives back what events have that no handler was called for.
func (p *part) end() {
	for range p.entered.Swap(0) {
		<-p.inFlight
	}
}

// begin waits until a handler may be called, and finish says that it has returned.
func (p *part) begin(ctx context.Context) error {
	if p.Shared == nil {
		return nil
	}
	return take(ctx, p.workers)
}

func (p *part) finish() {
	if p.Shared != nil {
		<-p.workers
	}
}

func take(ctx context.Context, c chan struct{}) error {
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
