package demo

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/checkpointstore/checkpoint"
)

// staleWrites is how many old positions a stale instance tries to write.
const staleWrites = 25

// A staleTask is what a stale instance believes.
type staleTask struct {
	Epoch uint64              `json:"epoch,string"` // of the lease that it had
	Until checkpoint.Position `json:"until"`        // the checkpoint that it knew last
	Ahead checkpoint.Position `json:"ahead"`        // the end of the log, which it has not reached
}

// A staleReport says what became of a stale instance's writes.
type staleReport struct {
	Refused  int `json:"refused"`  // the position was older than the checkpoint
	Fenced   int `json:"fenced"`   // the epoch was older than the fence
	Accepted int `json:"accepted"` // must be zero
}

// beStale is an instance that was thought dead and woke up, when another had
// the lease. It goes on from where it once was, which would move the checkpoint
// back. Then it claims, with the epoch that it once had, work that was never
// done, which would move the checkpoint past events.
func beStale(ctx context.Context, store *checkpoint.Store, t task, report *json.Encoder) error {
	var result staleReport
	write := func(p checkpoint.Position, opts ...checkpoint.WriteOption) error {
		ok, err := store.SetIfNewer(ctx, t.Key, p, opts...)
		switch {
		case errors.Is(err, checkpoint.ErrFenced):
			result.Fenced++
		case err != nil:
			return err
		case ok:
			result.Accepted++
		default:
			result.Refused++
		}
		return nil
	}

	for event, err := range readLog(logPath(t.Dir), checkpoint.Position{}) {
		if err != nil {
			return err
		}
		if event.Position.Compare(t.Stale.Until) >= 0 || result.Refused == staleWrites {
			break
		}
		if err := write(event.Position); err != nil {
			return err
		}
	}
	if err := write(t.Stale.Ahead, checkpoint.Epoch(t.Stale.Epoch)); err != nil {
		return err
	}
	return report.Encode(result)
}
