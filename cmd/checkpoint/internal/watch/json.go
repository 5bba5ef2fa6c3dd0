package watch

import (
	"encoding/json"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// MarshalJSON has the fields of `checkpoint status -o json`, which are stable: programs
// read them. Positions, lags and epochs are strings, so that no reader rounds them. What is
// not known is null, or is left out.
func (r Row) MarshalJSON() ([]byte, error) {
	var position *checkpoint.Position
	if c := r.Cell.Checkpoint; c.Exists && c.Err == nil {
		position = &c.Position
	}
	out := struct {
		Key         string               `json:"key"`
		State       State                `json:"state"`
		Why         string               `json:"why,omitempty"`
		Position    *checkpoint.Position `json:"position"`
		Lag         *uint64              `json:"lag,string"`
		LagMs       *int64               `json:"lagMs"`
		LagAtLeast  bool                 `json:"lagAtLeast,omitempty"`
		Rate        *float64             `json:"rate"`
		Owner       string               `json:"owner,omitempty"`
		LeaseLeftMs *int64               `json:"leaseLeftMs"`
		AgeMs       *int64               `json:"ageMs"`
		Epoch       uint64               `json:"epoch,omitempty,string"`
		Pause       *checkpoint.Pause    `json:"pause,omitempty"`
		Instances   []Instance           `json:"instances,omitempty"`
	}{
		Key: r.Key, State: r.State, Why: r.Why, Position: position, Owner: r.Owner, LeaseLeftMs: ms(r.LeaseLeft), AgeMs: ms(r.Age),
		Epoch: r.Cell.Fence.Epoch, Pause: r.Status.Pause,
	}
	if w := r.Worker; w != nil {
		out.Lag, out.LagMs, out.LagAtLeast, out.Rate = w.Lag, ms(w.LagTime), w.LagAtLeast, &w.Rate
	}
	for _, s := range r.Status.Instances {
		out.Instances = append(out.Instances, Instance{s})
	}
	return json.Marshal(out)
}

func ms(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	return new(d.Milliseconds())
}

// An Instance is a status as JSON shows it.
type Instance struct{ checkpoint.Status }

// MarshalJSON adds the fields that the text of a report leaves out.
func (i Instance) MarshalJSON() ([]byte, error) {
	out := struct {
		checkpoint.Status

		LagMs       *int64    `json:"lagMs,omitempty"`
		OldestAgeMs int64     `json:"oldestAgeMs"`
		ReportedAt  time.Time `json:"reportedAt"`
		Error       string    `json:"error,omitempty"`
	}{Status: i.Status, LagMs: ms(i.LagTime), OldestAgeMs: i.OldestAge.Milliseconds(), ReportedAt: i.ReportedAt}
	if i.Err != nil {
		out.Error = i.Err.Error()
	}
	return json.Marshal(out)
}
