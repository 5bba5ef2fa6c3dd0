package storetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var sampling = &ability{
	name: "Samples",
	has:  implements[driver.Sampler],
	ask: func(ctx context.Context, d driver.Driver) error {
		_, err := driver.SamplesOf(ctx, d, "k")
		return err
	},
	err: driver.ErrUnsupported,
}

const bucket = 5 * time.Minute

// sampled is w at a time, and keeps a sample of another bucket of time.
func sampled(t time.Time, w driver.Write) driver.Write {
	w.UpdatedAt, w.SampleBefore = t, t.Truncate(bucket)
	return w
}

// recently is the beginning of an hour, not long ago: engines may forget what is old.
func recently() time.Time { return time.Now().UTC().Add(-72 * time.Hour).Truncate(time.Hour) }

var sampleCases = []Case{
	{
		Name:  "samples/bucket",
		Rule:  "A write keeps the position that it replaces if that was written in an earlier bucket of time, whatever the write's mode.",
		needs: sampling,
		run: func(c *client) {
			t := recently()
			c.put(
				sampled(t.Add(time.Millisecond), ifNewer("k", 1, 2)),
				sampled(t.Add(time.Minute), ifNewer("k", 3, 0)),
				sampled(t.Add(bucket-time.Millisecond), ifNewer("k", 1<<63, 1<<64-1)),
				sampled(t.Add(bucket), set("k", 5, 6)),
				sampled(t.Add(2*bucket), rewind("k", 4, 4)),
				sampled(t.Add(4*bucket), ifNewer("k", 7, 7)),
			)
			c.gets(driver.Unchanged, sampled(t.Add(5*bucket), ifNewer("k", 7, 7)))
			c.samples("k", t, "20m0s 7/7", "10m0s 4/4", "5m0s 5/6", "4m59.999s 9223372036854775808/18446744073709551615")
		},
	},
	{
		Name:  "samples/quiet",
		Rule:  "A write that changes nothing, that asks for no sample, or that finds no sound checkpoint keeps no sample. Nor does a Touch.",
		needs: sampling,
		run: func(c *client) {
			t := recently()
			later := t.Add(time.Hour)
			c.put(sampled(t, fenced(5, ifNewer("k", 5, 0))))
			c.gets(driver.Stale, sampled(later, ifNewer("k", 4, 0)))
			c.gets(driver.Fenced, sampled(later, fenced(4, set("k", 6, 0))))
			w := touch("k", far)
			w.SampleBefore = later
			c.gets(driver.Unchanged, w)
			c.put(at(later, ifNewer("k", 6, 0)))
			c.put(sampled(t, ifNewer("k", 7, 0))) // its bucket is before that of the position that it replaces
			c.samples("k", t)
			c.damage("k", driver.ErrCorruptCheckpoint)
			c.put(sampled(later, set("k", 8, 0)))
			c.samples("k", t)
			c.samples("missing", t)
		},
	},
	{
		Name:  "samples/latest",
		Rule:  "The engine keeps the latest 288 samples, and of earlier ones the last of each hour.",
		needs: sampling,
		run:   samplesLatest,
	},
	{
		Name:  "samples/hours",
		Rule:  "The engine keeps the last sample of each hour for 30 days, and no more than 720 of them beside the latest 288 samples.",
		needs: sampling,
		run:   samplesHours,
	},
	{
		Name:  "samples/back",
		Rule:  "If a clock is set back, a time may come twice. Samples returns the later sample of that time, in its place.",
		needs: sampling,
		run: func(c *client) {
			t := recently()
			c.put(sampled(t, ifNewer("k", 1, 0)), sampled(t.Add(bucket), ifNewer("k", 2, 0)), sampled(t.Add(2*bucket), ifNewer("k", 3, 0)))
			c.put(sampled(t, set("k", 4, 0)), sampled(t.Add(3*bucket), set("k", 5, 0)))
			c.samples("k", t, "5m0s 2/0", "0s 4/0")
		},
	},
	{
		Name:  "samples/keys",
		Rule:  "Each key has samples of its own. Another driver over the same data finds them.",
		needs: sampling,
		run: func(c *client) {
			t := recently()
			keys := []string{"k", "K", "k*", "k:1", "k/1", "{k}", "k 1", "é"}
			for i, key := range keys {
				c.put(sampled(t, set(key, uint64(i), 0)), sampled(t.Add(bucket), set(key, 9, 0)))
			}
			for i, key := range keys {
				c.another().samples(key, t, fmt.Sprintf("0s %d/0", i))
			}
			c.samples("k1", t)
		},
	},
	{
		Name:  "samples/gone",
		Rule:  "The samples of a key stay if its checkpoint goes, until ReleaseFences removes the key's fence.",
		needs: sampling,
		run: func(c *client) {
			t := recently()
			for _, key := range []string{"k", "l"} {
				c.put(sampled(t, fenced(3, set(key, 1, 0))), sampled(t.Add(bucket), fenced(3, set(key, 2, 0))))
			}
			if _, err := c.driver.Delete(c.ctx, []string{"k"}); err != nil {
				c.Fatalf("Delete: %v", err)
			}
			c.samples("k", t, "0s 1/0")
			if c.lacks(fencing) {
				return
			}
			time.Sleep(5 * time.Millisecond)
			c.releasesFences(1, 0, "k", "l")
			c.samples("k", t)
			c.samples("l", t, "0s 1/0")
		},
	},
	{
		Name:  "samples/outage",
		Rule:  "If the engine fails, Samples fails: it never returns an empty list instead.",
		needs: sampling,
		run: func(c *client) {
			t := recently()
			c.put(sampled(t, set("k", 1, 0)), sampled(t.Add(bucket), set("k", 2, 0)))
			restore := c.outage()
			defer restore()
			c.failsInOutage("k", attempt{"Samples", attemptSamples})
		},
	},
}

func samplesLatest(c *client) {
	const n = driver.SampleCount + 100
	t := recently()
	writes := make([]driver.Write, n+1)
	for i := range writes {
		writes[i] = sampled(t.Add(time.Duration(i)*bucket), ifNewer("k", uint64(i), 0)) //nolint:gosec // an index
	}
	c.put(writes...)
	var want []string
	for i := n - 1; i >= 0; i-- {
		if lastOfHour := i%12 == 11; lastOfHour || i >= n-driver.SampleCount {
			s := driver.Sample{At: writes[i].UpdatedAt, Position: writes[i].Position, Hourly: lastOfHour}
			want = append(want, tellSample(s, t))
		}
	}
	c.samples("k", t, want...)
}

func samplesHours(c *client) {
	const hours, most = 29*24 + driver.SampleCount, driver.SampleCount + driver.HourlySampleCount
	now := time.Now().UTC().Truncate(time.Hour)
	writes := make([]driver.Write, hours+most)
	for i := range writes {
		writes[i] = sampled(now.Add(time.Duration(i-len(writes))*time.Hour), ifNewer("k", uint64(i), 0)) //nolint:gosec // an index
	}
	c.put(writes...)
	got := c.sampleList("k")
	if len(got) > most || len(got) < 29*24 {
		c.Fatalf("Samples returned %d samples of single hours, want %d to %d", len(got), 29*24, most)
	}
	for i, s := range got[:29*24] {
		if !s.Hourly || s.Position.Commit != uint64(len(writes)-2-i) { //nolint:gosec // an index
			c.Fatalf("sample %d is %v, want the last of its hour", i, s)
		}
	}
}

func (c *client) sampleList(key string) []driver.Sample {
	c.Helper()
	samples, err := driver.SamplesOf(c.ctx, c.driver, key)
	if err != nil {
		c.Fatalf("Samples of %q: %v", key, err)
	}
	for i, s := range samples {
		if s.At.Location() != time.UTC {
			c.Fatalf("Samples of %q: the time of a sample is %v, want UTC", key, s.At)
		}
		if i > 0 && !s.At.Before(samples[i-1].At) {
			c.Fatalf("Samples of %q: a sample of %v follows one of %v, want the latest first", key, s.At, samples[i-1].At)
		}
	}
	return samples
}

// samples checks all samples of key, the latest first, each as tellSample tells it. A sample
// is hourly if the one after it is of a later hour.
func (c *client) samples(key string, t time.Time, want ...string) {
	c.Helper()
	var got []string
	for _, s := range c.sampleList(key) {
		got = append(got, tellSample(s, t))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		c.Fatalf("Samples of %q:\n%s\nwant:\n%s", key, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func tellSample(s driver.Sample, t time.Time) string {
	line := fmt.Sprintf("%v %s", s.At.Sub(t), position(s.Position))
	if s.Hourly {
		line += " hourly"
	}
	return line
}
