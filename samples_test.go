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
