package checkpoint_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

func TestSampleEvery(t *testing.T) {
	every := map[string]time.Duration{"orders": 10 * time.Minute, "none": 0}
	opted := checkpoint.New(memstore.New(), &checkpoint.Options{SampleEvery: func(key string) time.Duration { return every[key] }})
	for _, c := range []struct {
		store     *checkpoint.Store
		key, want string
	}{
		{checkpoint.New(memstore.New(), nil), "k", "00:14 00:09 00:04"},
		{opted, "orders", "00:09"},
		{opted, "none", ""},
	} {
		for i := range uint64(20) {
			at := time.Date(2024, 5, 6, 0, int(i), 0, 0, time.UTC) //nolint:gosec // 0 to 19
			if _, err := c.store.SetIfNewer(t.Context(), c.key, checkpoint.Position{Commit: i}, checkpoint.UpdatedAt(at)); err != nil {
				t.Fatal(err)
			}
		}
		samples, err := c.store.Samples(t.Context(), c.key)
		var times []string
		for _, s := range samples {
			times = append(times, s.At.Format("15:04"))
		}
		if got := strings.Join(times, " "); got != c.want || err != nil {
			t.Errorf("%s has samples of %q, %v, want %q", c.key, got, err, c.want)
		}
	}
}

// TestEachHourHasASample, even if no number of buckets fills an hour.
func TestEachHourHasASample(t *testing.T) {
	const hours = 30
	s := checkpoint.New(memstore.New(), &checkpoint.Options{SampleEvery: func(string) time.Duration { return 7 * time.Minute }})
	for i := range uint64(hours * 60) {
		at := time.Date(2024, 5, 6, 0, int(i), 0, 0, time.UTC) //nolint:gosec // small
		if _, err := s.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: i}, checkpoint.UpdatedAt(at)); err != nil {
			t.Fatal(err)
		}
	}
	samples, err := s.Samples(t.Context(), "k")
	hourly := 0
	for _, sample := range samples {
		if sample.Hourly {
			hourly++
		}
	}
	if hourly != hours-1 || err != nil {
		t.Errorf("%d of %d samples are the last of their hour, %v; want %d", hourly, len(samples), err, hours-1)
	}
}

// last keeps the last write.
type last struct {
	driver.Driver
	write driver.Write
}

func (l *last) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	l.write = writes[0]
	return l.Driver.Write(ctx, writes)
}

func TestNoSampleIsAskedOfADriverThatKeepsNone(t *testing.T) {
	d := &last{Driver: memstore.New()}
	if _, err := checkpoint.New(d, nil).SetIfNewer(t.Context(), "k", checkpoint.Position{}); err != nil || !d.write.SampleBefore.IsZero() {
		t.Errorf("the driver is asked for %+v, %v", d.write, err)
	}
}

func TestAdopt(t *testing.T) {
	from, to := checkpoint.New(memstore.New(), nil), checkpoint.New(memstore.New(), nil)
	if _, err := from.Rewind(checkpoint.WithBy(t.Context(), "ana", "too far"), "k", somewhere); err != nil {
		t.Fatal(err)
	}
	entries, err := from.History(t.Context(), "k", 10)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := to.Adopt(t.Context(), "k", entries, []checkpoint.Sample{{At: time.Now().UTC()}}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := to.History(t.Context(), "k", 10); err != nil || len(got) != 1 || got[0].Actor != "ana" || got[0].Op != "rewind" || *got[0].New != somewhere {
		t.Errorf("the history is %+v, %v", got, err)
	}
	if got, err := to.Samples(t.Context(), "k"); err != nil || len(got) != 1 {
		t.Errorf("the samples are %+v, %v", got, err)
	}
	if err := to.Adopt(t.Context(), "l", make([]checkpoint.AuditEntry, 257), nil); err == nil {
		t.Error("257 entries are no error")
	}
}
