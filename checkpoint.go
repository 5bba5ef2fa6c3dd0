package checkpoint

import (
	"iter"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A Mark is what a write leaves at its key: Position, UpdatedAt, Epoch and LogID.
type Mark = driver.Mark

// A Checkpoint is the durable record of how far one consumer got.
type Checkpoint struct {
	Key string `json:"key"`
	Mark

	// ExpiresAt is when the checkpoint expires, by the engine's clock. Zero: never.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

func fromRecord(r driver.Record) Checkpoint {
	return Checkpoint{Key: r.Key, Mark: r.Mark, ExpiresAt: r.ExpiresAt}
}

// Collect gathers the checkpoints that [Store.GetAll] yields into a map by key. It stops
// at the first error, even if the error is about one damaged checkpoint. Then it returns
// the error and an incomplete map.
func Collect(seq iter.Seq2[Checkpoint, error]) (map[string]Checkpoint, error) {
	all := make(map[string]Checkpoint)
	for c, err := range seq {
		if err != nil {
			return all, err
		}
		all[c.Key] = c
	}
	return all, nil
}
