// Package keeper keeps leases: it renews many leases in few calls of a store, with one
// goroutine. If a lease is lost, its context ends, at the latest when its TTL is over.
package keeper

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/clock"
)

// A Keeper renews the leases that are added to it. Its methods, and those of its
// leases, may be called from any number of goroutines at once. It needs no closing: its
// goroutine ends when the last lease is lost or removed.
//
// The Keeper renews a lease after a third of its TTL, or a little sooner to share a
// call with others. If a renewal fails, the Keeper tries again after a twentieth of the
// TTL, until the lease ends. If a call hangs, the Keeper gives it up after three quarters
// of the time that is left to the lease which ends first. So one call that hangs loses
// no lease. But if the store needs longer for a call than two fifths of the shortest
// TTL, the Keeper cannot keep the lease with this TTL. Use several Keepers for leases of
// very different TTLs.
type Keeper struct {
	store   *checkpoint.Store
	changed chan struct{} // of capacity 1: a lease was added or removed

	mu      sync.Mutex
	leases  map[*Lease]struct{}
	running bool  // the goroutine, as long as there are leases
	call    *call // under way, or nil
}

// ErrLost says that the lease is lost. The cause of a lost lease's context wraps it.
var ErrLost = errors.New("the lease is lost")

// errSuspended is the cause if only the wall clock says that the lease has ended.
var errSuspended = errors.New("it ended while the machine was suspended, or somebody set the clock forward")

// errUnanswered is the cause with which the Keeper gives up a call.
var errUnanswered = errors.New("no answer in time")

// New returns a Keeper of leases that store has granted.
func New(store *checkpoint.Store) *Keeper {
	return &Keeper{store: store, changed: make(chan struct{}, 1), leases: make(map[*Lease]struct{})}
}

// Store returns the store whose leases k renews.
func (k *Keeper) Store() *checkpoint.Store { return k.store }

// Add renews lease from now on, until it is lost or [Lease.Remove] gives it up. Take
// asked from time.Now before you send the request that grants the lease. The lease lasts
// for its TTL from asked. If this time is over already, the lease is lost at once. Add
// returns an error if the lease has an invalid key, a TTL below a millisecond, or no
// epoch.
func (k *Keeper) Add(lease checkpoint.Lease, asked time.Time) (*Lease, error) {
	// One lease that the store refuses to send would make a batch fail as a whole.
	switch err := checkpoint.ValidateKey(lease.Key); {
	case err != nil:
		return nil, fmt.Errorf("keeper: %w", err)
	case lease.TTL < time.Millisecond:
		return nil, fmt.Errorf("keeper: key %q: TTL is %v, it must be at least a millisecond", lease.Key, lease.TTL)
	case lease.Epoch == 0:
		return nil, fmt.Errorf("keeper: key %q: the lease has no epoch: acquire it first", lease.Key)
	}
	l := &Lease{keeper: k, lease: lease}
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	k.mu.Lock()
	defer k.mu.Unlock()
	l.end = time.AfterFunc(lease.TTL, l.late)
	l.renewed(asked, clock.Wall(asked))
	k.leases[l] = struct{}{}
	if k.call != nil {
		k.call.spare(l)
	}
	if !k.running {
		k.running = true
		go k.run()
	}
	k.signal()
	return l, nil
}

func (k *Keeper) signal() {
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

func (k *Keeper) run() {
	for {
		c, pause := k.next()
		switch {
		case c != nil:
			results, err := k.store.RenewMany(c.ctx, c.leases...)
			k.end(c, results, err)
		case pause > 0:
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-k.changed:
				timer.Stop()
			}
		default:
			return
		}
	}
}

// next returns the call that is due, or how long to wait for a call or for the next
// look at the clocks. If there are no leases it returns neither.
func (k *Keeper) next() (*call, time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	step := k.look(now)
	if len(k.leases) == 0 {
		k.running = false
		return nil, 0
	}
	var due, end time.Time
	for l := range k.leases {
		if due.IsZero() || l.due.Before(due) {
			due = l.due
		}
		if e := l.ends.Load().awake; end.IsZero() || e.Before(end) {
			end = e
		}
	}
	if pause := due.Sub(now); pause > 0 {
		return nil, min(pause, step)
	}
	k.call = newCall(now, end)
	k.lookDuring(k.call, step)
	keys := make(map[string]bool, len(k.leases))
	for l := range k.leases {
		if !now.Before(l.early) && !keys[l.lease.Key] { // a key that is there twice waits for the next call
			keys[l.lease.Key] = true
			k.call.add(l)
		}
	}
	return k.call, 0
}

// look ends the leases that are over. It returns how long the next look may wait: a
// little less than a twentieth of the shortest TTL.
func (k *Keeper) look(now time.Time) (step time.Duration) {
	for l := range k.leases {
		l.look(now)
		if s := l.lease.TTL / 21; step == 0 || s < step {
			step = s
		}
	}
	return step
}

// lookDuring keeps looking at the clocks while the goroutine waits for the answer to c.
func (k *Keeper) lookDuring(c *call, step time.Duration) {
	c.looks = time.AfterFunc(step, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if next := k.look(time.Now()); k.call == c && next > 0 {
			c.looks.Reset(next)
		}
	})
}

// end takes the answers to c.
func (k *Keeper) end(c *call, results []checkpoint.LeaseResult, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for i, l := range c.kept {
		l.call = nil
		answer := err
		if err == nil {
			answer = results[i].Err
		}
		switch {
		case l.ctx.Err() != nil:
		case answer == nil:
			l.renewed(c.asked, c.wall)
		case err == nil && errors.Is(answer, checkpoint.ErrFenced):
			l.lose(answer)
		default:
			l.failed(now, answer, c.ctx.Err() != nil)
		}
	}
	k.call = nil
	c.end()
}
