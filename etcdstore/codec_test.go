package etcdstore

import (
	"math"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

var evening = time.Date(2026, 3, 1, 19, 30, 0, 0, time.UTC)

func TestCodec(t *testing.T) {
	c := driver.StoredCheckpoint{Exists: true, ExpiresAt: evening.Add(time.Hour), Mark: driver.Mark{
		Position:  driver.Position{Commit: math.MaxUint64, Prepare: 1<<53 + 1},
		UpdatedAt: evening, Epoch: math.MaxUint64, LogID: `<"log"&>`,
	}}
	const text = `{"position":{"commit":"18446744073709551615","prepare":"9007199254740993"},"updatedAt":"2026-03-01T19:30:00.000Z",` +
		`"epoch":"18446744073709551615","logId":"<\"log\"&>","expiresAt":"2026-03-01T20:30:00.000Z"}`
	data := encodeCheckpoint(c)
	if string(data) != text {
		t.Errorf("the checkpoint is stored as\n%s, want\n%s", data, text)
	}
	if got := decodeCheckpoint("k", value{data: data, revision: 1, etcdLease: 1}, false); got != c {
		t.Errorf("%+v, want %+v", got, c)
	}
	if got := decodeCheckpoint("k", value{}, false); got.Exists || got.Err != nil {
		t.Errorf("an absent checkpoint is %+v", got)
	}
	samples := []driver.Sample{{At: evening, Position: c.Position}, {At: evening.Add(time.Hour), Hourly: true}}
	const texts = `["2026-03-01T19:30:00.000Z C:18446744073709551615/P:9007199254740993","2026-03-01T20:30:00.000Z C:0/P:0 hourly"]`
	if got := string(encodeSamples(samples)); got != texts {
		t.Errorf("samples are stored as\n%s, want\n%s", got, texts)
	}
	f := driver.Fence{Epoch: math.MaxUint64, RaisedAt: evening}
	if got := decodeFence("k", value{data: encodeFence(f), revision: 1}); got != f {
		t.Errorf("%+v, want %+v", got, f)
	}
	l := driver.StoredLease{Lease: driver.Lease{Key: "k", Owner: "<a>", Epoch: 7, TTL: 15 * time.Second, ExpiresAt: evening}}
	got := decodeLease("k", "l", "h", value{data: encodeLease(l.Lease), revision: 1}, value{data: encodeHeld(l.Lease), revision: 1, etcdLease: 1})
	if got != l {
		t.Errorf("%+v, want %+v", got, l)
	}
}

// What the store writes is read by the short way.
func TestWrittenCheckpointsAreUsual(t *testing.T) {
	for _, c := range []driver.StoredCheckpoint{
		{Mark: driver.Mark{Position: driver.Position{Commit: 5}, UpdatedAt: evening}},
		{Mark: driver.Mark{Position: driver.Position{Commit: math.MaxUint64}, UpdatedAt: evening, Epoch: 7, LogID: "log-1"}, ExpiresAt: evening},
		{ExpiresAt: evening},
	} {
		if _, ok := decodeUsual(string(encodeCheckpoint(c))); !ok {
			t.Errorf("%s is read by the long way", encodeCheckpoint(c))
		}
	}
}

// Without shortcuts the JSON decoder reads each checkpoint, and nothing is tried before it.
func TestNoShortcuts(t *testing.T) {
	c := driver.StoredCheckpoint{Exists: true, Mark: driver.Mark{Position: driver.Position{Commit: 5}, UpdatedAt: evening, Epoch: 7, LogID: "log"}}
	data := encodeCheckpoint(c)
	allocations := func(f func()) float64 { return testing.AllocsPerRun(100, f) }
	reading := func(noShortcuts bool) float64 {
		d, err := New(new(clientv3.Client), &Options{NoShortcuts: noShortcuts})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		s := &state{checkpointPart: value{data: data, revision: 1}}
		if got := d.cell("k", s, evening).Checkpoint; got != c {
			t.Errorf("NoShortcuts %t: %+v, want %+v", noShortcuts, got, c)
		}
		return allocations(func() { d.cell("k", s, evening) })
	}
	general := allocations(func() { _ = decode(data, new(checkpointJSON)) })
	usual := allocations(func() { decodeUsual(string(data)) })
	if more := reading(true) - reading(false); usual == 0 || more != general-usual {
		t.Errorf("without shortcuts a reading makes %v allocations more, want %v: decode makes %v, decodeUsual %v", more, general-usual, general, usual)
	}
}

// A damaged checkpoint keeps what can be read, since rules need it.
func TestSalvage(t *testing.T) {
	c := decodeCheckpoint("k", value{revision: 1, data: []byte(`{"position":7,"epoch":"9","logId":"log","expiresAt":"2026-03-01T19:30:00.000Z"}`)}, false)
	if c.Err == nil || c.Epoch != 9 || c.LogID != "log" || !c.ExpiresAt.Equal(evening) || c.Position != (driver.Position{}) {
		t.Errorf("%+v, want epoch 9, the log and the expiry", c)
	}
}

// Whatever is stored is a checkpoint that is written back as it was read, or damage.
func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte(`{"position":{"commit":"5","prepare":"6"},"updatedAt":"2026-03-01T19:30:00.000Z","epoch":"2","logId":"x"}`))
	f.Add([]byte(`{"position":{"commit":"5","prepare":"6"},"expiresAt":"2026-03-01T19:30:00.000Z"}`))
	f.Add([]byte(`{"position":{"commit":"5","prepare":"6"},"updatedAt":"2026-03-01T19:30:00.000Z","epoch":"0","logId":"a\\b","expiresAt":""}`))
	f.Add([]byte(`{"position":{"commit":"5","prepare":"6"},"updatedAt":"0001-01-01T00:00:00.000Z","epoch":"","logId":""}`))
	f.Add([]byte(`{"position":{"commit":"5","prepare":"6"},"logId":"é","epoch":"18446744073709551616"}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"Position":{"commit":"05","prepare":""}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := decodeCheckpoint("k", value{data: data, revision: 1, etcdLease: 1}, false)
		if !c.Exists {
			t.Fatal("it is missing")
		}
		if usual, ok := decodeUsual(string(data)); ok {
			var stored checkpointJSON
			if err := decode(data, &stored); err != nil || *usual.Position != *stored.Position {
				t.Fatalf("%s is %+v, and decode reads %+v, %v", data, usual, stored, err)
			}
			if usual.Position = stored.Position; usual != stored {
				t.Fatalf("%s is %+v, and decode reads %+v", data, usual, stored)
			}
		}
		if c.Err != nil {
			if driver.Hint(c.Err) == "" || c.Position != (driver.Position{}) {
				t.Fatalf("damage has no remedy, or has a position: %+v", c)
			}
			return
		}
		again := encodeCheckpoint(c)
		if got := decodeCheckpoint("k", value{data: again, revision: 1, etcdLease: 1}, false); got != c {
			t.Fatalf("%s is written as %s, which is\n%+v, want\n%+v", data, again, got, c)
		}
	})
}
