// Package watch says what the consumers of a store do: which are stuck, since when, and
// how far behind. Its [Row] is what the commands status and top, and the page show.
package watch

import (
	"cmp"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

// A State is what a consumer does. The rules are those of Burrow, as far as they apply: a
// consumer at the head is well, however long it has not moved.
type State string

// The states, the worst first.
const (
	Damaged  State = "damaged"  // the checkpoint, the fence, the lease, the history or a report cannot be read
	Trimmed  State = "trimmed"  // the log was trimmed past it: events that were not processed are gone
	Beyond   State = "beyond"   // beyond the head: the log has lost its end, or is another log
	Stuck    State = "stuck"    // behind the head, and does not advance
	Dead     State = "dead"     // its lease has ended, and nobody has taken it over
	Stale    State = "stale"    // nobody reports, and nobody has written for as long as asked
	Late     State = "late"     // its report is overdue
	Slow     State = "slow"     // behind the head, and advances more slowly than the head
	Rewound  State = "rewound"  // moved by hand, and nobody has taken it over since
	Paused   State = "paused"   // an operator has paused it
	Draining State = "draining" // reads no more, and finishes the events in work
	Standby  State = "standby"  // instances wait for the lease
	Silent   State = "silent"   // somebody writes or holds the lease, and does not report
	Running  State = "running"  // at work
	Idle     State = "idle"     // at the head, and nothing has come for a while
	Stopped  State = "stopped"  // nobody is at work, and nobody has been for a while
)

// States are all states, the worst first.
var States = []State{
	Damaged, Trimmed, Beyond, Stuck, Dead, Stale, Late, Slow, Rewound, Paused, Draining, Standby, Silent, Running, Idle, Stopped,
}

// IsStuck reports whether somebody must look after the consumer.
func (s State) IsStuck() bool {
	switch s {
	case Damaged, Trimmed, Beyond, Stuck, Dead, Stale:
		return true
	}
	return false
}

// DefaultStale is after how long without an advance a consumer behind the head is stuck.
const DefaultStale = time.Minute

// Rules say when a consumer is stuck.
type Rules struct {
	// Stale is after how long without an advance. Zero: DefaultStale.
	Stale time.Duration

	// Silent makes a checkpoint that nobody reports on, and that was not written for
	// Stale, stuck.
	Silent bool
}

func (r Rules) stale() time.Duration { return cmp.Or(r.Stale, DefaultStale) }

// A Row is what is known of one consumer.
type Row struct {
	Key    string
	Cell   checkpoint.Cell
	Status checkpoint.KeyStatus

	State State
	Why   string // one line that explains the state to people; may be empty
	Err   error  // what is damaged beside the Cell: the history or a report; nil if nothing is

	Worker    *checkpoint.Status // the instance at work; nil: none reports
	Owner     string             // of the lease, or the instance at work; may be empty
	LeaseLeft *time.Duration     // nil: nobody holds the lease
	Age       *time.Duration     // since the checkpoint was written; nil: not known
}

// judge returns the row of a key at now, except for what its history tells.
func (r Rules) judge(c checkpoint.Cell, s checkpoint.KeyStatus, now time.Time) Row {
	row := Row{Key: c.Key, Cell: c, Status: s, Err: unreadable(s.Instances)}
	held := c.Lease.Exists() && c.Lease.Err == nil && c.Lease.Epoch == c.Fence.Epoch && c.Lease.ExpiresAt.After(now)
	if held {
		row.Owner, row.LeaseLeft = c.Lease.Owner, new(c.Lease.ExpiresAt.Sub(now))
	}
	if c.Checkpoint.Exists && c.Checkpoint.Err == nil && !c.Checkpoint.UpdatedAt.IsZero() {
		row.Age = new(max(0, now.Sub(c.Checkpoint.UpdatedAt)))
	}
	if row.Worker = worker(s.Instances, row.Owner); row.Worker != nil {
		row.Owner = cmp.Or(row.Owner, row.Worker.Instance)
	}
	row.State, row.Why = r.state(&row, held, now)
	return row
}

// worker returns the instance at work: the owner of the lease, or else the last that
// reported.
func worker(instances []checkpoint.Status, owner string) *checkpoint.Status {
	var found *checkpoint.Status
	for i := range instances {
		s := &instances[i]
		if s.Err != nil || s.State == checkpoint.StateStandby || owner != "" && s.Instance != owner {
			continue
		}
		if found == nil || s.ReportedAt.After(found.ReportedAt) {
			found = s
		}
	}
	return found
}

func (r Rules) state(row *Row, held bool, now time.Time) (State, string) {
	c, w := &row.Cell, row.Worker
	lost, why := outside(w)
	switch damage := transfer.Damage(c); {
	case damage != nil:
		return Damaged, damage.Error()
	case lost != "": // a pause would hide it until the end of the pause
		return lost, why
	case row.Status.Pause != nil:
		return Paused, row.Status.Pause.String()
	case w != nil:
		return r.working(row, now)
	case row.Err != nil: // the instance at work may be the one that cannot be read
		return Damaged, row.Err.Error()
	case held:
		return Silent, fmt.Sprintf("%q holds the lease, and does not report", c.Lease.Owner)
	case standbys(row.Status.Instances) > 0:
		return Standby, fmt.Sprintf("%d instances wait for the lease", standbys(row.Status.Instances))
	case c.Lease.Exists() && c.Lease.Epoch == c.Fence.Epoch:
		return Dead, fmt.Sprintf("the lease of %q ended %s ago, and nobody has taken it over", c.Lease.Owner, Span(now.Sub(c.Lease.ExpiresAt)))
	case row.Age != nil && *row.Age < r.stale():
		return Silent, "it was written lately, and nobody reports"
	case r.Silent && row.Age != nil:
		return Stale, "nobody has written for " + Span(*row.Age)
	}
	return Stopped, ""
}

// unreadable returns the error of the first report that cannot be read.
func unreadable(instances []checkpoint.Status) error {
	for _, s := range instances {
		if s.Err != nil {
			return s.Err
		}
	}
	return nil
}

func standbys(instances []checkpoint.Status) (n int) {
	for _, s := range instances {
		if s.State == checkpoint.StateStandby {
			n++
		}
	}
	return n
}

// The bounds of the states at work.
const (
	idleAfter = 5 * time.Second // after how long at the head a consumer is idle
	slowAt    = 5               // a slow consumer is behind by what the head moves in so many seconds
	slower    = 0.95            // a slow consumer moves at less than this part of the head's pace
)

// working returns the state of a consumer whose instance reports.
func (r Rules) working(row *Row, now time.Time) (State, string) {
	w := row.Worker
	silence := max(0, now.Sub(w.ReportedAt))
	still := stillFor(w) + silence
	switch {
	case silence > w.ExpiresAt.Sub(w.ReportedAt)/2:
		return Late, fmt.Sprintf("%q has not reported for %s", w.Instance, Span(silence))
	case w.State == checkpoint.StatePaused: // before stuck: it was not to advance
		return Paused, "the pause has ended, and it goes on soon"
	case isBehind(w) && still >= r.stale():
		return Stuck, stuckAt(w, still)
	case w.State == checkpoint.StateDraining:
		return Draining, lastError(w)
	case w.Lag != nil && *w.Lag == 0 && w.InFlight == 0 && still >= idleAfter:
		return Idle, ""
	case isSlow(w):
		return Slow, fmt.Sprintf("it moves %.4g a second, and the head %.4g", w.Pace, *w.HeadPace)
	}
	return Running, ""
}

// outside returns the state of an instance whose position is not in its log, or "".
func outside(w *checkpoint.Status) (State, string) {
	if w == nil {
		return "", ""
	}
	switch p := w.Position; {
	case p == nil:
	case w.Head != nil && p.Compare(*w.Head) > 0:
		return Beyond, fmt.Sprintf("it is at %s, and the log ends at %s", p, w.Head)
	case w.Begins != nil && p.Compare(*w.Begins) < 0:
		return Trimmed, fmt.Sprintf("it is at %s, and the log begins after %s", p, w.Begins)
	}
	return "", ""
}

// stillFor returns for how long an instance had not advanced when it reported. Both times
// are by its own clock.
func stillFor(w *checkpoint.Status) time.Duration {
	if w.AdvancedAt.After(w.Since) {
		return w.Now.Sub(w.AdvancedAt)
	}
	return w.Now.Sub(w.Since)
}

// isBehind reports whether there is work to do. An instance that does not know the head is
// behind if events are in work.
func isBehind(w *checkpoint.Status) bool {
	if w.Lag == nil {
		return w.InFlight > 0
	}
	return *w.Lag > 0
}

// isSlow reports whether an instance falls back, and is behind by more than it could be
// by chance.
func isSlow(w *checkpoint.Status) bool {
	return w.HeadPace != nil && w.Lag != nil && w.Pace < slower**w.HeadPace && float64(*w.Lag) > slowAt**w.HeadPace
}

func stuckAt(w *checkpoint.Status, still time.Duration) string {
	why := "it has not advanced for " + Span(still)
	if w.OldestAge > 0 {
		why += fmt.Sprintf(", and an event has been in work for %s", Span(w.OldestAge))
	}
	if e := lastError(w); e != "" {
		why += "; " + e
	}
	return why
}

func lastError(w *checkpoint.Status) string {
	if w.LastError == "" {
		return ""
	}
	return "last error: " + w.LastError
}

// Span is a duration in its largest whole unit.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d < 365*day:
		return fmt.Sprintf("%dd", d/day)
	}
	return fmt.Sprintf("%dy", d/(365*day))
}
