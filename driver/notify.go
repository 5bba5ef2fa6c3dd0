package driver

import "context"

// A Notifier is a Driver that tells who waits for a lease that the lease may have ended
// before its time. Then the waiter need not wait for its next turn to ask.
//
// A wake-up is only a hint. It may be lost, it may come late, and it may come for
// nothing. So a waiter asks again after a wake-up, and also goes on asking from time to
// time without one. No rule of a lease depends on a Notifier.
type Notifier interface {
	// LeaseEnds returns a channel that receives a value after each Release, RaiseFence
	// and Rewind that ends the lease on one of keys, whoever made the call. It may
	// receive one after anything else, such as the end of a lease's TTL.
	//
	// The channel also receives a value each time the driver begins to listen: first,
	// and again after a broken connection. A lease that ended before, unheard, is then
	// found. So the order in which a waiter asks for the lease and calls LeaseEnds does
	// not matter.
	//
	// The channel holds one value. While it is full, further wake-ups are dropped: the
	// value that it holds stands for them. So a waiter that is slow holds up nobody.
	//
	// LeaseEnds returns at once, even if the engine does not answer. The driver listens
	// in the background until ctx ends or the driver is closed. Then it closes the
	// channel, and keeps nothing for the waiter. It also closes the channel if it
	// cannot listen, or gives up: the waiter goes on without it, and may call LeaseEnds
	// again later. A driver that gives up because it lacks a permission logs that once,
	// with the remedy. From then on LeaseEnds returns an error.
	LeaseEnds(ctx context.Context, keys []string) (<-chan struct{}, error)
}

// LeaseEnds calls d's own LeaseEnds. The error is [ErrUnsupported] if d is not a
// [Notifier].
func LeaseEnds(ctx context.Context, d Driver, keys []string) (<-chan struct{}, error) {
	n, ok := d.(Notifier)
	if !ok {
		return nil, unsupported(d, "it does not tell when a lease ends")
	}
	return n.LeaseEnds(ctx, keys)
}
