package cell

import (
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// WriteSample returns the sample that w leaves, if it leaves one: the position that w
// replaces, if w has landed and that position was written before w.SampleBefore. A Touch
// leaves none. An engine stores the sample in the step that stores the cell.
func WriteSample(before *Cell, w *driver.Write, r driver.Result, now time.Time) (s driver.Sample, ok bool) {
	if w.SampleBefore.IsZero() || w.Mode == driver.Touch || !r.Outcome.Landed() {
		return s, false
	}
	old := before.checkpoint(now)
	if !old.Exists || old.Err != nil || old.UpdatedAt.IsZero() || !old.UpdatedAt.Before(w.SampleBefore) {
		return s, false
	}
	return driver.Sample{
		At: old.UpdatedAt, Position: old.Position, Hourly: old.UpdatedAt.Before(w.SampleBefore.Truncate(time.Hour)),
	}, true
}

// KeepSample adds s to the samples that an engine keeps, which are the oldest first, and
// leaves out those that it keeps no longer. A sample of the same time goes. It may change
// the array of kept.
func KeepSample(kept []driver.Sample, s driver.Sample) []driver.Sample {
	i, found := slices.BinarySearchFunc(kept, s, func(a, b driver.Sample) int { return a.At.Compare(b.At) })
	if found {
		kept[i] = s
	} else {
		kept = slices.Insert(kept, i, s)
	}
	hours := 0
	for i, s := range slices.Backward(kept) {
		if s.Hourly {
			hours++
		}
		late := len(kept)-i > driver.SampleCount
		if late && (!s.Hourly || hours > driver.HourlySampleCount) {
			kept = slices.Delete(kept, i, i+1)
		}
	}
	return kept
}
