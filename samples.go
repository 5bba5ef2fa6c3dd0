package checkpoint

import (
	"context"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A Sample tells where a key stood at a time.
type Sample = driver.Sample

func everyFiveMinutes(string) time.Duration { return 5 * time.Minute }

// sampleBefore returns the beginning of the bucket of time that a write of key is in. No
// bucket shorter than an hour goes over a full hour. The beginning is zero if the Store
// keeps no samples of key.
func (s *Store) sampleBefore(key string, at time.Time) time.Time {
	if s.sampleEvery == nil {
		return time.Time{}
	}
	every := s.sampleEvery(key)
	if every <= 0 {
		return time.Time{}
	}
	every = max(every, time.Millisecond)
	bucket := at.Truncate(every)
	if every < time.Hour && time.Hour%every != 0 { // a bucket over the full hour would hide the end of an hour
		if hour := at.Truncate(time.Hour); bucket.Before(hour) {
			return hour
		}
	}
	return bucket
}

// Samples returns where key stood at earlier times, the latest first. To go back to a
// time, take the last sample at or before it: then work is done again, and none is
// skipped.
//
// A write keeps the position that it replaces as a sample if this position is of an earlier
// bucket of time than the write: see Options.SampleEvery. It does so in the same atomic
// step. The times are the UpdatedAt of the positions, so they are by the writers'
// clocks. If one of the clocks is behind, a sample may be missed. The engine keeps the
// latest 288 samples, and the last of each hour for 30 days. With a bucket of 5 minutes,
// 288 samples are a day of writes.
//
// Samples stay if the checkpoint goes. ReleaseFences forgets them with the fence. If the
// engine keeps no samples, the error is [ErrUnsupported].
func (s *Store) Samples(ctx context.Context, key string) ([]Sample, error) {
	c := call{Call: Call{Op: opSamples, Key: key, Size: 1}}
	ctx = s.begin(ctx, &c)
	samples, err := s.samples(ctx, key)
	err = c.wrap(err)
	s.end(&c, CallResult{Count: len(samples), Err: err})
	return samples, err
}

func (s *Store) samples(ctx context.Context, key string) ([]Sample, error) {
	if err := ValidateKey(key); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	return driver.SamplesOf(ctx, s.driver, key)
}

// Adopt takes over what another store has kept for key: entries, which the other store's
// [Store.History] returned, and samples, which its [Store.Samples] returned. Adopt stores
// entries only if key has no audit entries here, and samples only if key has no samples
// here. So a key that is copied to this store keeps its history, and a second Adopt of the
// same lists changes nothing. Adopt leaves no audit entry itself. Both lists are the latest
// first. More than 256 entries, or more than 1,008 samples, are an error. If the engine
// cannot do this, the error is [ErrUnsupported].
func (s *Store) Adopt(ctx context.Context, key string, entries []AuditEntry, samples []Sample) error {
	c := call{Call: Call{Op: opAdopt, Key: key, Size: 1}}
	ctx = s.begin(ctx, &c)
	err := c.wrap(s.adopt(ctx, key, entries, samples))
	s.end(&c, CallResult{Count: countIf(err == nil), Err: err})
	return err
}

func (s *Store) adopt(ctx context.Context, key string, entries []AuditEntry, samples []Sample) error {
	if err := ValidateKey(key); err != nil {
		return err
	}
	if len(entries) > driver.AuditEntries || len(samples) > driver.SampleCount+driver.HourlySampleCount {
		return fmt.Errorf("there are %d audit entries and %d samples, want %d and %d at most",
			len(entries), len(samples), driver.AuditEntries, driver.SampleCount+driver.HourlySampleCount)
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	clean := make([]AuditEntry, len(entries))
	for i, e := range entries {
		e.By = driver.By{Actor: e.Actor, Reason: e.Reason, Op: e.Op}.Clean()
		e.Op, e.By.Op = e.By.Op, ""
		clean[i] = e
	}
	return driver.Adopt(ctx, s.driver, key, clean, samples)
}
