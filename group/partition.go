package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A partition is one that the member holds, acquires or gives up.
type partition struct {
	name   string
	ctx    context.Context // ends when the partition is to be given up
	stop   context.CancelFunc
	wanted time.Time // since when it shall be this member's
	unwant time.Time // since when not, once ctx has ended
	opened time.Time // zero: it never was
	err    error     // of its end
}

// A rest is a partition that has failed or ended.
type rest struct {
	failures int       // in a row
	until    time.Time // zero: for ever
}

// act gains and gives up partitions. It returns how long the first of those that rest
// still rests, or zero.
func (m *member) act(ctx context.Context, v *view, settled bool, now time.Time) (wake time.Duration) {
	m.shed(v, settled)
	for _, name := range m.partitions {
		if v.Targets[name] != m.self.Name {
			delete(m.wanted, name)
			continue
		}
		if m.wanted[name].IsZero() {
			m.wanted[name] = now
		}
		if m.held[name] != nil || !settled || !v.free(name) {
			continue
		}
		left, rests := m.rests(name, now)
		switch {
		case !rests:
			m.gain(ctx, name)
		case left > 0 && (wake == 0 || left < wake):
			wake = left
		}
	}
	return wake
}

// shed gives up the partitions that shall not be this member's.
func (m *member) shed(v *view, settled bool) {
	able := !m.seen[m.self.Name].IsZero()
	for name, p := range m.held {
		to := v.Targets[name]
		_, exists := v.leases[name]
		switch {
		case !exists:
			m.giveUp(p, "there is no such partition any more")
		case to == m.self.Name:
		case to == "":
			m.giveUp(p, "no member shall hold it")
		case settled || !able:
			m.giveUp(p, fmt.Sprintf("%q shall hold it", to))
		}
	}
}

// rests reports whether the partition has failed or ended, and how long it still rests.
// Zero: for ever.
func (m *member) rests(name string, now time.Time) (left time.Duration, rests bool) {
	r := m.resting[name]
	if r == nil {
		return 0, false
	}
	left = r.until.Sub(now)
	return max(0, left), r.until.IsZero() || left > 0
}

func (m *member) gain(ctx context.Context, name string) {
	p := &partition{name: name, wanted: m.wanted[name]}
	// The end of ctx is told to the others first: see leave.
	p.ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	m.held[name] = p
	go func() {
		defer func() { m.ended <- p }()
		p.err = errors.New("the consumer ended its goroutine and did not return")
		p.err = m.hold(p)
	}()
}

// giveUp makes the partition's consumer stop, finish what is in work, and release the
// lease.
func (m *member) giveUp(p *partition, why string) {
	if p.ctx.Err() != nil {
		return
	}
	p.unwant = time.Now()
	m.log.Info("the partition is given up", "partition", p.name, "reason", why)
	p.stop()
}

// hold opens the partition's subscription and calls consume.
func (m *member) hold(p *partition) error {
	opts := m.opts.Subscription(p.name)
	opts.Lease = &subscription.Lease{Owner: m.self.Name, TTL: m.opts.TTL, Keeper: m.keeper}
	if opts.DrainTimeout == 0 || opts.DrainTimeout > m.opts.DrainPatience {
		opts.DrainTimeout = m.opts.DrainPatience
	}
	s, err := subscription.Open(p.ctx, m.store, Key(m.group, p.name), &opts)
	if err != nil {
		return err
	}
	p.opened = time.Now()
	m.log.Info("the partition is gained", "partition", p.name, "epoch", s.Epoch())
	m.moved(p, true, time.Since(p.wanted))
	err = m.consumes(p, s)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), m.opts.DrainPatience)
	defer cancel()
	closed := s.Close(ctx)
	if p.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return closed // the consumer says no more than that it was to end
	}
	return errors.Join(err, closed)
}

// unwinding is how long subscription.Run may take to return after its DrainTimeout.
const unwinding = 1100 * time.Millisecond

// consumes returns when consume does. If consume does not return within DrainPatience, it
// ends the subscription, and leaves the lease to end by itself.
func (m *member) consumes(p *partition, s *subscription.Subscription) (err error) {
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		err = errors.New("the consumer ended its goroutine and did not return")
		err = m.consume(p.ctx, p.name, s)
	}()
	select {
	case <-returned:
		return err
	case <-p.ctx.Done():
	}
	late := time.NewTimer(m.opts.DrainPatience + unwinding)
	defer late.Stop()
	select {
	case <-returned:
		return err
	case <-late.C:
	}
	m.log.Error("the consumer goes on although its partition is to move, and its lease ends by itself", "partition", p.name)
	ctx, cancel := context.WithTimeout(context.Background(), m.opts.DrainPatience)
	defer cancel()
	abandoned := s.Abandon(ctx)
	<-returned
	return errors.Join(err, abandoned)
}

// end takes note of a partition whose goroutine has ended. The error ends the member.
func (m *member) end(p *partition) error {
	delete(m.held, p.name)
	delete(m.wanted, p.name)
	if !p.opened.IsZero() {
		took := time.Duration(0)
		if !p.unwant.IsZero() {
			took = time.Since(p.unwant)
		}
		m.moved(p, false, took)
	}
	asked := p.ctx.Err() != nil // it was to end
	p.stop()
	switch {
	case asked:
		m.endAsked(p)
	case p.opened.IsZero() && errors.Is(p.err, checkpoint.ErrLeaseHeld):
		// Another member was faster. The next view tells who shall have it.
	case errors.Is(p.err, subscription.ErrLeaseLost), errors.Is(p.err, subscription.ErrOvertaken), m.isFencedOut(p):
		m.log.Warn("the partition is lost", "partition", p.name, "error", p.err.Error())
	case p.err == nil:
		m.log.Info("the partition has ended", "partition", p.name)
		m.resting[p.name] = &rest{}
	default:
		if err := m.fails(p); err != nil {
			return err
		}
	}
	m.spare(p)
	return nil
}

// spare lets a partition whose handler is still at work rest until its lease has ended. The
// lease has this member's name: the member would get it back at once, and handle the event
// a second time beside the first.
func (m *member) spare(p *partition) {
	if !errors.Is(p.err, subscription.ErrAtWork) {
		return
	}
	r := m.resting[p.name]
	if r == nil {
		r = new(rest)
		m.resting[p.name] = r
	}
	r.until = later(r.until, time.Now().Add(m.opts.TTL))
}

// isFencedOut reports whether a write with the partition's epoch was refused. The error of a
// consumer's call for another key is a failure.
func (m *member) isFencedOut(p *partition) bool {
	var refused *checkpoint.Error
	return errors.Is(p.err, checkpoint.ErrFenced) && (!errors.As(p.err, &refused) || refused.Key == Key(m.group, p.name))
}

// endAsked is for a partition that was given up.
func (m *member) endAsked(p *partition) {
	delete(m.resting, p.name)
	if p.err != nil && !errors.Is(p.err, context.Canceled) {
		m.log.Warn("the partition was given up with an error", "partition", p.name, "error", p.err.Error())
	}
}

// lasting is how long a partition must work for its failures to be forgotten.
const lasting = time.Minute

// fails does what Options.Failed says of a partition that has failed.
func (m *member) fails(p *partition) error {
	r := m.resting[p.name]
	if r == nil {
		r = new(rest)
		m.resting[p.name] = r
	}
	if !p.opened.IsZero() && time.Since(p.opened) > lasting {
		r.failures = 0
	}
	r.failures++
	wait, again := m.opts.Failed(p.name, r.failures, p.err)
	if !again {
		return fmt.Errorf("group %q: partition %q: %w", m.group, p.name, p.err)
	}
	r.until = time.Now().Add(wait)
	m.log.Error("the partition has failed, and begins again later", "partition", p.name, "wait", wait, "failures", r.failures, "error", p.err.Error())
	return nil
}

func (m *member) moved(p *partition, gained bool, took time.Duration) {
	for _, o := range m.movers {
		o.Moved(Move{
			Group: m.group, Member: m.self.Name, Partition: p.name, Key: Key(m.group, p.name), Gained: gained, Took: took,
		})
	}
}
