package rewind

import (
	"context"
	"errors"

	"github.com/checkpointstore/checkpoint"
)

var errNoHead = errors.New("no instance of its consumer reports the head of the log; name its position")

// Head is the head of each key's log, as the consumer of the key has reported it last. The log
// may have grown since.
func Head(ctx context.Context, store *checkpoint.Store) Target {
	return func(before checkpoint.Cell) (Goal, error) {
		statuses, err := store.Statuses(ctx, before.Key)
		if err != nil {
			return Goal{}, err
		}
		var latest *checkpoint.Status
		for _, s := range statuses[0].Instances {
			if s.Err == nil && s.Head != nil && (latest == nil || s.ReportedAt.After(latest.ReportedAt)) {
				latest = &s
			}
		}
		if latest == nil {
			return Goal{}, errNoHead
		}
		return Goal{Position: *latest.Head}, nil
	}
}
