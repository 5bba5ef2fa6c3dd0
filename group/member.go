package group

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/keeper"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A member is one Run. Only the goroutine of Run uses it, except for what partitions read.
type member struct {
	store   *checkpoint.Store
	group   string
	opts    Options
	ask     func(context.Context) ([]string, error)
	consume func(context.Context, string, *subscription.Subscription) error
	log     *slog.Logger
	viewers []ViewObserver
	movers  []MoveObserver

	self       checkpoint.Member
	keeper     *keeper.Keeper
	partitions []string
	held       map[string]*partition // those with a goroutine
	resting    map[string]*rest      // those that have failed or ended
	wanted     map[string]time.Time  // since when a partition shall be this member's
	ended      chan *partition

	seenAt time.Time            // before the last beat that succeeded
	seen   map[string]time.Time // since when each member is known, by this machine's clock
	shaky  time.Time            // since when there has always been a newcomer; zero: there is none

	bell     <-chan struct{}
	rung     func() // ends the listening
	heard    []string
	failing  bool
	declared time.Time // when the group was last put into the list of groups
}

// A member gives beats signs of life in a TTL. If one fails, the member makes attempts in a
// TTL while it holds partitions.
const (
	beats    = 3
	attempts = 20
)

// The list of groups forgets a group that nobody has declared for 30 days.
const declareEvery = 24 * time.Hour

// leastPause is how long a member waits at least between two beats. It is what a standby
// waits at least.
const (
	pollsInTTL = 50
	leastPause = 50 * time.Millisecond
)

func (m *member) beatEvery() time.Duration { return m.opts.TTL / beats }

// patience returns how long a beat may take, and how soon the next one follows if it fails. A
// member that holds nothing is patient. Otherwise a busy engine would work for calls that have
// ended already, and open connections for the next ones.
func (m *member) patience() (beat, again time.Duration) {
	if len(m.held) == 0 {
		return m.opts.TTL, m.beatEvery()
	}
	return m.beatEvery(), m.opts.TTL / attempts
}

// run gives signs of life, and gains and gives up partitions, until ctx ends.
func (m *member) run(ctx context.Context) error {
	defer m.stopListening()
	for {
		began := time.Now()
		next, err := m.turn(ctx)
		if err != nil {
			return err
		}
		due := time.Now().Add(next)
		timer := time.NewTimer(next)
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				timer.Stop()
				return nil
			case <-timer.C:
				waiting = false
			case _, ok := <-m.bell:
				if !ok {
					m.bell = nil // listen again at the next turn
					continue
				}
				due = began.Add(m.pause())
				timer.Reset(max(time.Millisecond, time.Until(due)))
			case p := <-m.ended:
				if err := m.end(p); err != nil {
					return err
				}
				if r := m.resting[p.name]; r != nil && !r.until.IsZero() && r.until.Before(due) {
					due = later(r.until, began.Add(m.pause()))
					timer.Reset(max(time.Millisecond, time.Until(due)))
				}
			}
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func (m *member) pause() time.Duration {
	return max(m.opts.TTL/pollsInTTL, min(leastPause, m.beatEvery()))
}

// turn gives a sign of life, and does what the view asks for. It returns when the next
// turn is due. The error ends the member.
func (m *member) turn(ctx context.Context) (time.Duration, error) {
	if !m.seenAt.IsZero() {
		m.askPartitions(ctx)
	}
	m.listen(ctx)
	asked := time.Now()
	patience, again := m.patience()
	v, err := m.beat(ctx, patience)
	if err != nil {
		return again, m.failed(ctx, err)
	}
	if m.seenAt.IsZero() {
		m.log.Info("the member has joined", "members", len(v.Members), "partitions", len(m.partitions))
	}
	m.failing, m.seenAt = false, asked
	now := time.Now()
	next := min(m.beatEvery(), m.soonest(v))
	settled, wait := m.settle(v, now)
	if !settled {
		next = min(next, wait)
	}
	if wake := m.act(ctx, &v, settled, now); wake > 0 {
		next = min(next, wake)
	}
	for _, o := range m.viewers {
		o.Viewed(v.View)
	}
	return max(next, m.pause()), nil
}

// beat gives a sign of life. It takes no longer than patience, except for the first one:
// that may take as long as ctx lasts.
func (m *member) beat(ctx context.Context, patience time.Duration) (view, error) {
	if !m.seenAt.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	seen, err := m.store.Beat(ctx, m.group, m.self, m.opts.TTL, m.keys()...)
	if err != nil {
		return view{}, err
	}
	if time.Since(m.declared) > declareEvery && m.store.DeclareGroup(ctx, m.group) == nil { // without it a list lacks it
		m.declared = time.Now()
	}
	return m.view(seen), nil
}

func (m *member) keys() []string {
	keys := make([]string, len(m.partitions))
	for i, p := range m.partitions {
		keys[i] = Key(m.group, p)
	}
	return keys
}

// failed is called if a beat has failed. The member gives its partitions up before the
// others take it for dead. If renewals fail, too, its leases end a third of a TTL later.
// The error ends the member.
func (m *member) failed(ctx context.Context, err error) error {
	switch {
	case m.seenAt.IsZero(), errors.Is(err, checkpoint.ErrClosed), ctx.Err() != nil:
		return err
	case !m.failing:
		m.log.Warn("the member could not give a sign of life, and tries again", "error", err.Error())
	}
	m.failing = true
	if time.Since(m.seenAt) >= m.opts.TTL*2/3 {
		for _, p := range m.held {
			m.giveUp(p, "the store does not answer")
		}
	}
	return nil
}

// askPartitions asks for the partitions. A log that hangs must leave the sign of life that
// follows its time.
func (m *member) askPartitions(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, m.beatEvery()/2)
	defer cancel()
	partitions, err := m.ask(ctx)
	if err == nil {
		err = m.check(partitions)
	}
	if err != nil {
		m.log.Warn("the partitions are not known, and stay as they were", "error", err.Error())
		return
	}
	m.partitions = partitions
}

// check says what is wrong with partitions.
func (m *member) check(partitions []string) error {
	seen := make(map[string]bool, len(partitions))
	for _, p := range partitions {
		if err := checkpoint.ValidateKey(Key(m.group, p)); err != nil {
			return fmt.Errorf("partition %q: %w", p, err)
		}
		if p == "" || seen[p] {
			return fmt.Errorf("partition %q is empty or listed twice: give each partition a name of its own", p)
		}
		seen[p] = true
	}
	return nil
}
