package checkpoint

import (
	"iter"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A Checkpoint is the durable record of how far one consumer got.
type Checkpoint struct {
	Key      string   `json:"key"`
	Position Position `json:"position"`

	// UpdatedAt is when the position was last written, in UTC and whole
	// milliseconds, by the writer's clock. It is zero where the store has
	// none: the oldest layout in Redis did not keep it.
	UpdatedAt time.Time `json:"updatedAt,omitzero"`

	// ExpiresAt is when the checkpoint is gone, by the engine's clock; zero: never.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`

	// Epoch is the epoch of the write that left the checkpoint here; zero:
	// that write was not fenced. In JSON it is a string, like positions.
	Epoch uint64 `json:"epoch,omitempty,string"`

	// LogID identifies the log that the position is in, where a writer has said
	// so with the option [LogID]. Without it a log that was wiped, or restored
	// from a backup, could not be told from the one that was read.
	LogID string `json:"logId,omitempty"`
}

func fromRecord(r driver.Record) Checkpoint {
	return Checkpoint{
		Key:       r.Key,
		Position:  Position(r.Position),
		UpdatedAt: r.UpdatedAt,
		ExpiresAt: r.ExpiresAt,
		Epoch:     r.Epoch,
		LogID:     r.LogID,
	}
}

// Collect gathers what [Store.GetAll] yields into a map by key. After an error
// the map holds what came before it, and is not all there is.
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
