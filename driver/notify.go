package driver

import "context"

// A Notifier is a Driver that wakes those who wait for a lease when the lease may have
// ended before its time. A waiter that is woken asks for the lease at once.
//
// A wake-up is only a hint. It may be lost, it may come late, and it may come although
// no lease has ended. So a waiter asks again after a wake-up, and from time to time
// without a wake-up, too. No rule of a lease depends on a Notifier.
type Notifier interface {
	// LeaseEnds returns a channel that receives a value after each Release, RaiseFence
	// and Rewind that ends the lease on one of keys, whoever made the call. It may also
	// receive a value after any other event, such as the end of a lease's TTL.
	//
	// The channel also receives a value each time the driver begins to listen: at first,
	// and again after a broken connection. So the waiter asks again, and learns of a
	// lease that ended while the driver did not listen. A waiter may call LeaseEnds
	// before or after it first asks for the lease.
	//
	// The channel holds one value. While it is full, the driver drops further wake-ups:
	// the value in the channel stands for them. So a slow waiter holds up nobody.
	//
	// LeaseEnds returns at once, even if the engine does not answer. The driver listens
	// in the background until ctx ends or the driver is closed. Then it closes the
	// channel, and keeps nothing for the waiter. It also closes the channel if it
	// cannot listen, or gives up: the waiter goes on without wake-ups, and may call
	// LeaseEnds again later. If the driver gives up because it lacks a permission, it
	// logs this once, with the remedy. From then on LeaseEnds returns an error.
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
