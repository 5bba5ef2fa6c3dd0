package driver

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Waiters keeps the channels that the LeaseEnds of a [Notifier] has returned. An engine
// adds how to listen. One listener serves all waiters, and runs only while somebody
// waits.
type Waiters struct {
	listen func(context.Context, *Waiters) error

	mu      sync.Mutex
	keys    map[string]*waitedFor
	waiters map[*waiter]struct{}
	changed chan struct{}
	ended   error // why nobody can wait any more

	stop    context.CancelFunc // of the listener; nil if none runs
	running sync.WaitGroup
}

// waitedFor is a key. It stays after its last waiter until Diff has told the listener.
type waitedFor struct {
	waiters map[*waiter]struct{}
	told    bool // Diff has told the listener of the key
	heard   bool // the listener has said that it listens
}

type waiter struct {
	keys []string
	wake chan struct{} // guarded by mu, so that nobody sends on it once it is closed
	left func() bool   // stops waiting for the end of the context
}

// NewWaiters returns Waiters without a waiter. When the first waiter comes, listen is
// called on a goroutine of its own. Its context ends when the last waiter has left, and
// at Close. If listen returns an error earlier, nobody can wait any more: every channel
// is closed, and Add returns this error.
//
// listen calls Diff with true for each new connection, and with false each time that
// Changed receives a value. It calls Heard for each key once it listens for that key,
// and Wake for each lease that ends.
//
// If listen is nil, nobody need listen: the engine is in this process, and calls Wake.
func NewWaiters(listen func(ctx context.Context, w *Waiters) error) *Waiters {
	return &Waiters{
		listen: listen, changed: make(chan struct{}, 1),
		keys: make(map[string]*waitedFor), waiters: make(map[*waiter]struct{}),
	}
}

// Add does what [Notifier] says of LeaseEnds.
func (w *Waiters) Add(ctx context.Context, keys []string) (<-chan struct{}, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended != nil {
		return nil, w.ended
	}
	one := &waiter{keys: append([]string(nil), keys...), wake: make(chan struct{}, 1)}
	w.waiters[one] = struct{}{}
	for _, key := range one.keys {
		k := w.keys[key]
		if k == nil {
			k = &waitedFor{waiters: make(map[*waiter]struct{})}
			w.keys[key] = k
		}
		k.waiters[one] = struct{}{}
		if k.heard || w.listen == nil {
			one.signal()
		}
	}
	one.left = context.AfterFunc(ctx, func() { w.leave(one) })
	w.tell()
	return one.wake, nil
}

func (w *Waiters) leave(one *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.waiters[one]; ok {
		w.remove(one)
		w.tell()
	}
}

// remove closes the channel of one, and forgets one.
func (w *Waiters) remove(one *waiter) {
	delete(w.waiters, one)
	for _, key := range one.keys {
		if k := w.keys[key]; k != nil {
			delete(k.waiters, one)
			if len(k.waiters) == 0 && !k.told {
				delete(w.keys, key)
			}
		}
	}
	close(one.wake)
}

// tell starts the listener, tells it of a change, or stops it.
func (w *Waiters) tell() {
	switch {
	case w.listen == nil:
	case len(w.waiters) == 0:
		if w.stop != nil {
			w.stop()
		}
	default:
		pulse(w.changed)
		if w.stop == nil {
			ctx, stop := context.WithCancel(context.Background())
			w.stop = stop
			w.running.Go(func() { w.run(ctx) })
		}
	}
}

// run listens as long as anybody waits. A second listener never runs beside it.
func (w *Waiters) run(ctx context.Context) {
	for ctx != nil {
		err := w.listen(ctx, w)
		gaveUp := ctx.Err() == nil
		if gaveUp {
			w.end(err)
		}
		ctx = w.next()
	}
}

// next returns a context for the next listener, or nil if nobody waits.
func (w *Waiters) next() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop()
	w.stop = nil
	w.forget()
	if len(w.waiters) == 0 {
		return nil
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	return ctx
}

// closePatience is how long Close waits for a listener that does not notice the end of
// its context, for instance while it connects to an engine that hangs.
const closePatience = time.Second

// Close closes every channel, and returns when listen has returned, after a second at
// the latest. From then on Add returns [ErrClosed].
func (w *Waiters) Close() {
	w.end(ErrClosed)
	w.mu.Lock()
	w.tell()
	w.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		w.running.Wait()
		close(gone)
	}()
	timer := time.NewTimer(closePatience)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
	}
}

func (w *Waiters) end(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !errors.Is(w.ended, ErrClosed) { // a listener that fails after Close changes nothing
		w.ended = why
	}
	for one := range w.waiters {
		one.left()
		w.remove(one)
	}
}

// Changed receives a value when Diff may have something new.
func (w *Waiters) Changed() <-chan struct{} { return w.changed }

// Diff returns in come the keys that have a waiter since the last Diff, and in gone the
// keys that have none any more. If anew is true, come has every key with a waiter.
func (w *Waiters) Diff(anew bool) (come, gone []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if anew {
		w.forget()
	}
	for key, k := range w.keys {
		switch {
		case len(k.waiters) == 0:
			delete(w.keys, key)
			gone = append(gone, key)
		case !k.told:
			k.told = true
			come = append(come, key)
		}
	}
	return come, gone
}

// forget notes that no listener knows of any key.
func (w *Waiters) forget() {
	for key, k := range w.keys {
		k.told, k.heard = false, false
		if len(k.waiters) == 0 {
			delete(w.keys, key)
		}
	}
}

// Heard says that the listener now listens for key. It wakes the waiters of key.
func (w *Waiters) Heard(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := w.keys[key]; k != nil {
		k.heard = true
		k.signal()
	}
}

// Wake says that the lease on key may have ended. It wakes the waiters of key.
func (w *Waiters) Wake(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := w.keys[key]; k != nil {
		k.signal()
	}
}

func (k *waitedFor) signal() {
	for one := range k.waiters {
		one.signal()
	}
}

func (one *waiter) signal() { pulse(one.wake) }

// pulse sends on c, unless c holds a value.
func pulse(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
