package cell_test

import (
	"slices"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// A consumer that writes every five minutes for 40 days keeps a day of samples, and one
// for each of 720 hours.
func TestKeepSampleIsBounded(t *testing.T) {
	var kept []driver.Sample
	begin := time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC)
	for i := range 40 * driver.SampleCount {
		at := begin.Add(time.Duration(i) * 5 * time.Minute)
		kept = cell.KeepSample(kept, driver.Sample{At: at, Hourly: i%12 == 11})
	}
	const hoursInRing = driver.SampleCount / 12
	if want := driver.SampleCount + driver.HourlySampleCount - hoursInRing; len(kept) != want {
		t.Errorf("%d samples are kept, want %d", len(kept), want)
	}
	if !slices.IsSortedFunc(kept, func(a, b driver.Sample) int { return a.At.Compare(b.At) }) {
		t.Error("the samples are not in the order of their times")
	}
	for i, s := range kept[:len(kept)-driver.SampleCount] {
		if !s.Hourly {
			t.Fatalf("sample %d of %v is before the latest %d, and is not hourly", i, s.At, driver.SampleCount)
		}
	}
}
