package demo

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/checkpointstore/checkpoint"
)

// A staleTask is what a stale instance believes.
type staleTask struct {
	Known checkpoint.Position `json:"known"`        // the last position that it stored
	Epoch uint64              `json:"epoch,string"` // of the lease that it had
	Ahead checkpoint.Position `json:"ahead"`        // the end of the log, which it has not reached
}

// A staleReport says what became of a stale instance's writes.
type staleReport struct {
	Was    checkpoint.Position `json:"was"`    // the position that was stored before
	Took   bool                `json:"took"`   // the store took the old position
	Fenced bool                `json:"fenced"` // the store fenced the claim out
}

// beStale plays an instance of our consumer that was thought dead, and wakes up when
// another instance has the lease. A subscription handles no event after its lease has
// ended, so the instance only writes. First it stores the last position that it knew,
// which would move the checkpoint back. Then it claims the end of the log with its old
// epoch, which would move the checkpoint past events that were never handled.
func beStale(ctx context.Context, store *checkpoint.Store, t task, report *json.Encoder) error {
	was, err := store.Get(ctx, t.Key)
	if err != nil {
		return err
	}
	took, err := store.SetIfNewer(ctx, t.Key, t.Stale.Known)
	if err != nil {
		return err
	}
	_, err = store.SetIfNewer(ctx, t.Key, t.Stale.Ahead, checkpoint.Epoch(t.Stale.Epoch))
	fenced := errors.Is(err, checkpoint.ErrFenced)
	if err != nil && !fenced {
		return err
	}
	return report.Encode(staleReport{Was: was.Position, Took: took, Fenced: fenced})
}

// beStalePlain plays a stale instance of a plain consumer. Nothing tells the
// instance that another one is at work, so it handles events, too.
func beStalePlain(ctx context.Context, store *checkpoint.Store, t task, report *json.Encoder) error {
	was, err := store.Get(ctx, t.Key)
	if err != nil {
		return err
	}
	if err := store.Set(ctx, t.Key, t.Stale.Known); err != nil {
		return err
	}
	if err := report.Encode(staleReport{Was: was.Position, Took: true}); err != nil {
		return err
	}
	return goOnPlain(ctx, store, t, t.Stale.Known)
}
