package checkpoint_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// recorder keeps the last write that it was given.
type recorder struct {
	*memstore.Driver
	last driver.Write
}

func (d *recorder) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	d.last = writes[len(writes)-1]
	return d.Driver.Write(ctx, writes)
}

func TestTTLIsWholeMilliseconds(t *testing.T) {
	d := &recorder{Driver: memstore.New()}
	s := checkpoint.New(d, nil)
	for _, test := range []struct{ given, want time.Duration }{
		{0, 0},
		{1, time.Millisecond},
		{time.Millisecond, time.Millisecond},
		{time.Millisecond + 1, 2 * time.Millisecond},
		{time.Hour, time.Hour},
		{math.MaxInt64, time.Duration(math.MaxInt64).Truncate(time.Millisecond)},
	} {
		if err := s.Set(t.Context(), "a", somewhere, checkpoint.TTL(test.given)); err != nil {
			t.Fatal(err)
		}
		if d.last.TTL != test.want {
			t.Errorf("TTL(%d) reaches the driver as %d, want %d", test.given, d.last.TTL, test.want)
		}
	}
	if err := s.Set(t.Context(), "a", somewhere, checkpoint.TTL(-1)); err == nil {
		t.Error("a negative TTL is accepted")
	}
	if err := s.Touch(t.Context(), "a", -time.Second); err == nil {
		t.Error("Touch accepts a negative TTL")
	}
}

func TestUpdatedAtIsWholeMillisecondsUTC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(1234567 * time.Nanosecond)
		now := time.Now().UTC().Truncate(time.Millisecond)
		zone := time.FixedZone("somewhere", 3*3600)
		d := &recorder{Driver: memstore.New()}
		s := checkpoint.New(d, nil)
		for _, test := range []struct {
			opts []checkpoint.WriteOption
			want time.Time
		}{
			{nil, now},
			{[]checkpoint.WriteOption{checkpoint.UpdatedAt(time.Time{})}, now},
			{
				[]checkpoint.WriteOption{checkpoint.UpdatedAt(time.Date(2020, 5, 6, 7, 8, 9, 123_999_999, zone))},
				time.Date(2020, 5, 6, 4, 8, 9, 123_000_000, time.UTC),
			},
			{
				[]checkpoint.WriteOption{checkpoint.UpdatedAt(time.Date(1, 2, 3, 4, 5, 6, 7_999_999, time.UTC))},
				time.Date(1, 2, 3, 4, 5, 6, 7_000_000, time.UTC),
			},
		} {
			if err := s.Set(t.Context(), "a", somewhere, test.opts...); err != nil {
				t.Fatal(err)
			}
			if d.last.UpdatedAt != test.want {
				t.Errorf("updatedAt = %v, want %v", d.last.UpdatedAt, test.want)
			}
		}
		for _, year := range []int{-1, 0, 10000} {
			at := time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)
			if err := s.Set(t.Context(), "a", somewhere, checkpoint.UpdatedAt(at)); err == nil {
				t.Errorf("the year %d is accepted", year)
			}
		}
	})
}

func TestLogIDIsText(t *testing.T) {
	s := checkpoint.New(memstore.New(), nil)
	for _, id := range []string{"a\nb", "\xff", strings.Repeat("a", 513)} {
		if err := s.Set(t.Context(), "a", somewhere, checkpoint.LogID(id)); err == nil || !strings.Contains(err.Error(), "LogID") {
			t.Errorf("Set with LogID %.20q: %v; want an error that names it", id, err)
		}
	}
	if err := s.Set(t.Context(), "a", somewhere, checkpoint.LogID(strings.Repeat("a", 512))); err != nil {
		t.Error(err)
	}
}

func TestOptionsReachTheDriver(t *testing.T) {
	d := &recorder{Driver: memstore.New()}
	s := checkpoint.New(d, nil)
	at := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	want := driver.Write{
		Key: "a", Mark: driver.Mark{Position: somewhere, UpdatedAt: at, Epoch: 9, LogID: "log"}, TTL: time.Minute,
		SampleBefore: at.Truncate(5 * time.Minute),
	}
	opts := []checkpoint.WriteOption{checkpoint.TTL(time.Minute), checkpoint.UpdatedAt(at), checkpoint.Epoch(9), checkpoint.LogID("log")}

	if err := s.Set(t.Context(), "a", somewhere, opts...); err != nil || d.last != want {
		t.Errorf("Set: %+v, %v; want %+v", d.last, err, want)
	}
	want.Mode = driver.IfNewer
	if _, err := s.SetIfNewer(t.Context(), "a", somewhere, opts...); err != nil || d.last != want {
		t.Errorf("SetIfNewer: %+v, %v; want %+v", d.last, err, want)
	}
	batch := checkpoint.Write{Key: "a", Mark: want.Mark, IfNewer: true, TTL: time.Minute}
	if _, err := s.Apply(t.Context(), batch); err != nil || d.last != want {
		t.Errorf("Apply: %+v, %v; want %+v", d.last, err, want)
	}
	want.Mode = driver.Rewind
	if _, err := s.Rewind(t.Context(), "a", somewhere, opts...); err != nil || d.last != want {
		t.Errorf("Rewind: %+v, %v; want %+v", d.last, err, want)
	}
}

func TestRewindReturnsWhatIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := checkpoint.New(memstore.New(), nil)
		for _, opts := range [][]checkpoint.WriteOption{nil, {checkpoint.TTL(time.Minute)}} {
			returned, err := s.Rewind(t.Context(), "a", somewhere, opts...)
			if err != nil {
				t.Fatal(err)
			}
			stored, err := s.Get(t.Context(), "a")
			if err != nil || returned != stored {
				t.Errorf("Rewind = %+v, and stored is %+v, %v", returned, stored, err)
			}
		}
	})
}
