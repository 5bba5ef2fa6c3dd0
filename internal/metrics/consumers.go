package metrics

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// Consumers are the subscriptions that are open. Its methods are hooks of package
// subscription.
type Consumers struct {
	mu sync.Mutex
	// By key. The same key may be open on two stores: the lags and statuses of the two do
	// not say which of them they are of.
	open map[string][]*consumer
}

// A consumer is a subscription that is open.
type consumer struct {
	s        *subscription.Subscription
	leased   bool
	position checkpoint.Position // that is stored, when last looked at
	advanced time.Time           // when it moved; zero: never
	lag      uint64
	hasLag   bool
	status   *checkpoint.Status // of the last report; nil: none
}

// Opened adds s until it ends.
func (c *Consumers) Opened(key string, s *subscription.Subscription) {
	stats := s.Stats()
	own := &consumer{s: s, leased: s.Epoch() > 0, position: stats.Stored, advanced: stats.StoredAt}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = make(map[string][]*consumer)
	}
	c.open[key] = append(c.open[key], own)
	context.AfterFunc(s.Context(), func() { c.ended(key, own) })
}

func (c *Consumers) ended(key string, own *consumer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[key] = slices.DeleteFunc(c.open[key], func(o *consumer) bool { return o == own }); len(c.open[key]) == 0 {
		delete(c.open, key)
	}
}

// Flushed notes when the stored position moved.
func (c *Consumers) Flushed(f subscription.Flush) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, own := range c.open[f.Key] {
		own.look(time.Now())
	}
}

// LagRead keeps the lag until the next one is read.
func (c *Consumers) LagRead(key string, lag uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, own := range c.open[key] {
		own.lag, own.hasLag = lag, true
	}
}

// Reported keeps the status until the next report. A standby has no position: in this
// process another instance may be at work, whose report it must not hide.
func (c *Consumers) Reported(key string, status checkpoint.Status) {
	if status.Position == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, own := range c.open[key] {
		own.status = &status
	}
}

// look reads the Stats. A flush that stores the same position again is no advance. If
// the handler stores the position, only look notices that it has moved.
func (o *consumer) look(now time.Time) subscription.Stats {
	stats := o.s.Stats()
	if stats.Stored != o.position {
		o.position, o.advanced = stats.Stored, now
	}
	return stats
}

// Gauges are what is known of the open subscriptions of one label.
type Gauges struct {
	Label    string        // a key, or "" for all keys without a label
	InFlight int           // events in work
	Oldest   time.Duration // the highest age of an event in work
	Advanced time.Time     // when the one that has stood still for longest advanced; zero: none ever did
	Lag      uint64        // the highest
	HasLag   bool          // a lag was read
	LagTime  time.Duration // the highest
	HasTime  bool          // a lag in time was reported
	Tail     uint64        // the lowest distance from the beginning of the log
	HasTail  bool          // a distance was reported
	Paused   int           // how many an operator has paused
	Reported bool          // some have reported
	Held     int           // leases that are held
	Leased   bool          // some have a lease
	Left     time.Duration // how long the lease that ends first lasts
}

// Read returns the gauges of each label, in the order of the labels.
func (c *Consumers) Read(keys Keys) []Gauges {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	read := make(map[string]*Gauges)
	for key, open := range c.open {
		label := keys.Label(key)
		g := read[label]
		if g == nil {
			g = &Gauges{Label: label}
			read[label] = g
		}
		for _, own := range open {
			g.add(own, own.look(now))
		}
	}
	gauges := make([]Gauges, 0, len(read))
	for _, label := range slices.Sorted(maps.Keys(read)) {
		gauges = append(gauges, *read[label])
	}
	return gauges
}

func (g *Gauges) add(own *consumer, stats subscription.Stats) {
	g.InFlight += stats.InFlight
	g.Oldest = max(g.Oldest, stats.Oldest.Age)
	if g.Advanced.IsZero() || !own.advanced.IsZero() && own.advanced.Before(g.Advanced) {
		g.Advanced = own.advanced
	}
	if own.hasLag {
		g.Lag, g.HasLag = max(g.Lag, own.lag), true
	}
	if own.status != nil {
		g.addStatus(own.status)
	}
	if own.leased {
		g.addLease(stats.LeaseLeft)
	}
}

func (g *Gauges) addStatus(status *checkpoint.Status) {
	g.Reported = true
	if status.State == checkpoint.StatePaused {
		g.Paused++
	}
	if status.LagTime != nil {
		g.LagTime, g.HasTime = max(g.LagTime, *status.LagTime), true
	}
	if status.Begins != nil && status.Position != nil {
		g.addTail(*status.Begins, *status.Position)
	}
}

func (g *Gauges) addTail(begins, p checkpoint.Position) {
	distance := max(p.Commit, begins.Commit) - begins.Commit
	if !g.HasTail || distance < g.Tail {
		g.Tail = distance
	}
	g.HasTail = true
}

func (g *Gauges) addLease(left time.Duration) {
	if !g.Leased || left < g.Left {
		g.Left = left
	}
	g.Leased = true
	if left > 0 {
		g.Held++
	}
}

// Epoch returns t in seconds since 1970.
func Epoch(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
