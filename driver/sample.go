package driver

import (
	"context"
	"time"
)

const (
	// SampleCount is how many samples an engine keeps for a key: the latest.
	SampleCount = 288

	// HourlySampleCount is how many hourly samples an engine keeps for a key: the latest.
	HourlySampleCount = 720

	// SampleAge is how old a sample may become before the engine may remove it.
	SampleAge = 30 * 24 * time.Hour
)

// A Sample tells where a key stood at a time.
type Sample struct {
	// At is when the position was written: [Mark.UpdatedAt], by the writer's clock.
	At time.Time `json:"at"`

	Position Position `json:"position"`

	// Hourly says that the sample is the last of its hour (UTC). The engine keeps it
	// longer than other samples.
	Hourly bool `json:"hourly,omitempty"`
}

// A Sampler is a Driver that keeps samples of the positions that were replaced. It stores
// a sample in the same atomic step as the write that replaces the position: see
// [Write.SampleBefore]. It needs no timer. It may miss a sample if several clients write
// the key and the clock of one of them is behind.
type Sampler interface {
	// Samples returns the samples of key, the latest first, and each time once. The
	// engine keeps the latest [SampleCount] samples and the latest [HourlySampleCount]
	// hourly samples. Samples that are older than [SampleAge] may be gone. Samples stay if
	// the checkpoint goes, until [Fencer.ReleaseFences] removes the key's fence. Samples
	// returns no sample and no error if the key has none.
	Samples(ctx context.Context, key string) ([]Sample, error)
}

// SamplesOf calls d's own Samples. The error is [ErrUnsupported] if d is not a
// [Sampler].
func SamplesOf(ctx context.Context, d Driver, key string) ([]Sample, error) {
	s, ok := d.(Sampler)
	if !ok {
		return nil, unsupported(d, "it keeps no samples")
	}
	return s.Samples(ctx, key)
}
