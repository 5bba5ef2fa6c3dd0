package storetest_test

import (
	"context"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// sampled changes the sample that a write leaves.
func sampled(change func(before *cell.Cell, w *driver.Write, s driver.Sample, ok bool) (driver.Sample, bool)) func(*faulty) {
	return func(f *faulty) {
		f.rule.sample = func(before *cell.Cell, w *driver.Write, r driver.Result, now time.Time) (driver.Sample, bool) {
			s, ok := cell.WriteSample(before, w, r, now)
			return change(before, w, s, ok)
		}
	}
}

// unless leaves no sample if a condition holds.
func unless(condition func(w *driver.Write) bool) func(*faulty) {
	return sampled(func(_ *cell.Cell, w *driver.Write, s driver.Sample, ok bool) (driver.Sample, bool) {
		return s, ok && !condition(w)
	})
}

// asIf decides the sample of another write, or of another answer.
func asIf(change func(before *cell.Cell, w *driver.Write, r *driver.Result)) func(*faulty) {
	return func(f *faulty) {
		f.rule.sample = func(before *cell.Cell, w *driver.Write, r driver.Result, now time.Time) (driver.Sample, bool) {
			b, changed := *before, *w
			change(&b, &changed, &r)
			return cell.WriteSample(&b, &changed, r, now)
		}
	}
}

// recallingSamples changes what Samples finds.
func recallingSamples(change func(f *faulty, key string, samples []driver.Sample) []driver.Sample) func(*faulty) {
	return func(f *faulty) {
		f.samples = func(ctx context.Context, key string) ([]driver.Sample, error) {
			samples, err := f.mem.Samples(ctx, key)
			if err != nil {
				return nil, err
			}
			return change(f, key, samples), nil
		}
	}
}

// Who forgets where a key stood, or tells it wrongly.
var sampleFaults = []fault{
	{"keeps no sample of a Set", []string{"samples/bucket", "samples/back", "samples/keys"}, unless(func(w *driver.Write) bool { return w.Mode == driver.Set })},
	{"keeps no sample of a Rewind", []string{"samples/bucket"}, unless(func(w *driver.Write) bool { return w.Mode == driver.Rewind })},
	{"keeps no sample of an IfNewer", []string{"samples/bucket", "samples/latest", "samples/hours"}, unless(func(w *driver.Write) bool { return w.Mode == driver.IfNewer })},
	{"keeps no sample at an equal position", []string{"samples/bucket"}, sampled(func(before *cell.Cell, w *driver.Write, s driver.Sample, ok bool) (driver.Sample, bool) {
		return s, ok && before.Checkpoint.Position != w.Position
	})},
	{"keeps a sample of each write", []string{"samples/bucket", "samples/quiet"}, asIf(func(_ *cell.Cell, w *driver.Write, _ *driver.Result) {
		w.SampleBefore = w.UpdatedAt.Add(24 * time.Hour)
	})},
	{"keeps a sample that is not asked for", []string{"samples/quiet"}, asIf(func(_ *cell.Cell, w *driver.Write, _ *driver.Result) {
		w.SampleBefore = w.UpdatedAt.Truncate(5 * time.Minute)
	})},
	{"keeps a sample of a refused write", []string{"samples/quiet"}, asIf(func(_ *cell.Cell, _ *driver.Write, r *driver.Result) { r.Outcome = driver.Advanced })},
	{"keeps a sample of a Touch", []string{"samples/quiet"}, asIf(func(_ *cell.Cell, w *driver.Write, _ *driver.Result) { w.Mode = driver.Set })},
	{"keeps a sample of a damaged checkpoint", []string{"samples/quiet"}, sampled(func(before *cell.Cell, w *driver.Write, s driver.Sample, ok bool) (driver.Sample, bool) {
		if before.Checkpoint.Err != nil && !w.SampleBefore.IsZero() {
			return driver.Sample{At: w.SampleBefore.Add(-time.Second)}, true
		}
		return s, ok
	})},
	{"keeps the new position", []string{"samples/bucket", "samples/keys"}, sampled(func(_ *cell.Cell, w *driver.Write, s driver.Sample, ok bool) (driver.Sample, bool) {
		s.Position = w.Position
		return s, ok
	})},
	{"cuts the time to seconds", []string{"samples/bucket"}, sampled(func(_ *cell.Cell, _ *driver.Write, s driver.Sample, ok bool) (driver.Sample, bool) {
		s.At = s.At.Truncate(time.Second)
		return s, ok
	})},
	{"keeps no hourly samples", []string{"samples/latest", "samples/hours"}, sampled(func(_ *cell.Cell, _ *driver.Write, s driver.Sample, ok bool) (driver.Sample, bool) {
		s.Hourly = false
		return s, ok
	})},
	{"keeps each sample as an hourly one", []string{"samples/latest"}, sampled(func(_ *cell.Cell, _ *driver.Write, s driver.Sample, ok bool) (driver.Sample, bool) {
		s.Hourly = true
		return s, ok
	})},
	{"keeps 287 samples", []string{"samples/latest"}, recallingSamples(func(_ *faulty, _ string, samples []driver.Sample) []driver.Sample {
		return slices.DeleteFunc(samples, func(s driver.Sample) bool {
			return len(samples) >= driver.SampleCount && s == samples[driver.SampleCount-1] && !s.Hourly
		})
	})},
	{"never removes an hourly sample", []string{"samples/hours"}, func(f *faulty) {
		kept := make(map[time.Time]driver.Sample)
		sampled(func(_ *cell.Cell, _ *driver.Write, s driver.Sample, ok bool) (driver.Sample, bool) {
			if ok {
				kept[s.At] = s
			}
			return s, ok
		})(f)
		f.samples = func(context.Context, string) ([]driver.Sample, error) {
			var all []driver.Sample
			for _, s := range kept {
				all = append(all, s)
			}
			slices.SortFunc(all, func(a, b driver.Sample) int { return b.At.Compare(a.At) })
			return all, nil
		}
	}},
	{"says of each sample that it is hourly", []string{"samples/bucket", "samples/back", "samples/latest"}, recallingSamples(func(_ *faulty, _ string, samples []driver.Sample) []driver.Sample {
		for i := range samples {
			samples[i].Hourly = true
		}
		return samples
	})},
	{"returns the first sample first", []string{"samples/bucket", "samples/back"}, recallingSamples(func(_ *faulty, _ string, samples []driver.Sample) []driver.Sample {
		slices.Reverse(samples)
		return samples
	})},
	{"keeps the first sample of a time", []string{"samples/back"}, func(f *faulty) {
		seen := make(map[string]bool)
		sampled(func(before *cell.Cell, _ *driver.Write, s driver.Sample, ok bool) (driver.Sample, bool) {
			id := before.Key + s.At.String()
			ok = ok && !seen[id]
			seen[id] = seen[id] || ok
			return s, ok
		})(f)
	}},
	{"mixes the samples of keys", []string{"samples/keys"}, func(f *faulty) {
		f.samples = func(ctx context.Context, key string) ([]driver.Sample, error) {
			if key == "K" {
				key = "k"
			}
			return f.mem.Samples(ctx, key)
		}
	}},
	{"forgets the samples with the checkpoint", []string{"samples/gone"}, recallingSamples(func(f *faulty, key string, samples []driver.Sample) []driver.Sample {
		if r, err := f.mem.Get(context.Background(), []string{key}); err != nil || r[0].Err != nil {
			return nil
		}
		return samples
	})},
	{"finds no samples in an outage", []string{"samples/outage"}, func(f *faulty) {
		f.samples = func(ctx context.Context, key string) ([]driver.Sample, error) {
			samples, _ := f.mem.Samples(ctx, key)
			return samples, nil
		}
	}},
}
