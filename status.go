package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A State is what an instance of a consumer does.
type State string

// The states that an instance tells of itself.
const (
	StateRunning  State = "running"  // it handles events
	StateStandby  State = "standby"  // it waits for the lease, which another instance holds
	StateDraining State = "draining" // it reads no more, and finishes the events in work
	StatePaused   State = "paused"   // an operator has paused the key
)

// A Status is what an instance of a consumer says of itself. All of it is what the
// instance believes, by its own clock. It decides nothing.
type Status struct {
	Instance string `json:"instance"` // the owner of its lease, or a unique name
	Host     string `json:"host,omitempty"`
	PID      int    `json:"pid,omitempty"`
	Version  string `json:"version,omitempty"` // of the program

	State State     `json:"state"`
	Since time.Time `json:"since"` // since when it is in State
	Now   time.Time `json:"now"`   // when it said this

	// Position is the low watermark, and Head the end of the log. Begins is the position
	// directly before the log's first event. Nil: the instance does not know. AdvancedAt is
	// when the low watermark last moved. Zero: not since the instance has started.
	Position   *Position `json:"position,omitempty"`
	Head       *Position `json:"head,omitempty"`
	Begins     *Position `json:"begins,omitempty"`
	AdvancedAt time.Time `json:"advancedAt,omitzero"`

	// Lag is how far the low watermark is behind the head, in the log's positions, which
	// need not be events. Nil: not known.
	Lag *uint64 `json:"lag,omitempty,string"`

	// LagTime is how long the oldest event that is not done has been in the log. Nil: not
	// known. If LagAtLeast is set, the true time may be longer: the instance has watched
	// the log only for LagTime.
	LagTime    *time.Duration `json:"-"`
	LagAtLeast bool           `json:"lagAtLeast,omitempty"`

	// Rate is how many events the instance finishes in a second. Pace is how many positions
	// the low watermark moves in a second, and HeadPace how many the head moves. Nil: not
	// known. All are averages of the last half minute or so.
	Rate     float64  `json:"rate"`
	Pace     float64  `json:"pace"`
	HeadPace *float64 `json:"headPace,omitempty"`

	InFlight  int           `json:"inFlight"`          // events in work
	OldestAge time.Duration `json:"-"`                 // how long the oldest of them has been in work
	Done      int64         `json:"done,string"`       // events done since it has started
	Retries   int64         `json:"retries,omitempty"` // since it has started
	Parked    int64         `json:"parked,omitempty"`  // since it has started

	// LastError is at most 512 bytes of an error's text, without what looks like a
	// password.
	LastError   string    `json:"lastError,omitempty"`
	LastErrorAt time.Time `json:"lastErrorAt,omitzero"`

	// ReportedAt is when the report was stored, and ExpiresAt when it ends, both by the
	// engine's clock. Report ignores both.
	ReportedAt time.Time `json:"-"`
	ExpiresAt  time.Time `json:"-"`

	// Err says why the report cannot be read. Then only Instance, ReportedAt and
	// ExpiresAt are set besides.
	Err error `json:"-"`
}

// statusText is the text of a report, in which durations are whole milliseconds.
type statusText struct {
	*statusFields
	LagMs    *int64 `json:"lagMs,omitempty"`
	OldestMs int64  `json:"oldestMs,omitempty"`
}

type statusFields Status

// text returns the text of a report.
func (s Status) text() (string, error) {
	s.Instance = clean(s.Instance, 256)
	s.Host, s.Version, s.LastError = clean(s.Host, 255), clean(s.Version, 64), clean(redact(s.LastError), 512)
	t := statusText{statusFields: (*statusFields)(&s), OldestMs: s.OldestAge.Milliseconds()}
	if s.LagTime != nil {
		t.LagMs = new(s.LagTime.Milliseconds())
	}
	return encode(t)
}

// encode returns v as JSON that is no longer than it must be.
func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return string(bytes.TrimSpace(b.Bytes())), err
}

// clean returns text in the form that an engine can store, cut to most bytes.
func clean(text string, most int) string {
	by := driver.By{Reason: text}.Clean()
	return by.Reason[:min(len(by.Reason), most)]
}

// statusOf reads a report.
func statusOf(r driver.Report) Status {
	var s Status
	t := statusText{statusFields: (*statusFields)(&s)}
	if err := json.Unmarshal([]byte(r.Text), &t); err != nil {
		if damage := r.Damage(); damage != "" {
			err = errors.New(damage)
		}
		s = Status{Err: fmt.Errorf("the report of %q cannot be read: %w", r.Instance, err)}
		t.LagMs, t.OldestMs = nil, 0
	}
	if t.LagMs != nil {
		s.LagTime = new(time.Duration(*t.LagMs) * time.Millisecond)
	}
	s.OldestAge = time.Duration(t.OldestMs) * time.Millisecond
	s.Instance, s.ReportedAt, s.ExpiresAt = r.Instance, r.At, r.ExpiresAt
	return s
}

// A Pause says that an operator wants the instances of a consumer to stop, who wants it,
// and why.
type Pause struct {
	Actor  string    `json:"actor,omitempty"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"` // by the engine's clock
}

func (p *Pause) String() string {
	text := "paused"
	if p.Actor != "" {
		text += " by " + p.Actor
	}
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}

// pauseOf reads a notice. It takes a notice that it cannot read for a pause: nobody must
// go on by mistake.
func pauseOf(text string, at time.Time) *Pause {
	if text == "" {
		return nil
	}
	p := new(Pause)
	if err := json.Unmarshal([]byte(text), p); err != nil {
		p = &Pause{Reason: "the notice cannot be read"}
	}
	p.At = at
	return p
}
