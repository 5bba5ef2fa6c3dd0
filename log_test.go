package checkpoint_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

func TestOneLogRecordPerCall(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d := memstore.New()
	s := checkpoint.New(d, &checkpoint.Options{Logger: logger})
	ctx := t.Context()

	record := func(call func()) map[string]any {
		t.Helper()
		out.Reset()
		call()
		var fields map[string]any
		if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
			t.Fatalf("want one record, got %q: %v", out.String(), err)
		}
		return fields
	}
	expect := func(got, want map[string]any) {
		t.Helper()
		want["component"] = "MemoryCheckpointStore"
		if _, ok := got["duration"].(float64); !ok {
			t.Errorf("no duration in %v", got)
		}
		delete(got, "duration")
		delete(got, "time")
		if text, ok := got["error"].(string); ok {
			if text == "" {
				t.Errorf("empty error in %v", got)
			}
			got["error"] = true
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if !bytes.Equal(a, b) {
			t.Errorf("record %s\n  want %s", a, b)
		}
	}
	type fields = map[string]any

	p := checkpoint.Position{Commit: 1<<53 + 1, Prepare: 7}
	expect(record(func() { _, _ = s.Get(ctx, "a") }),
		fields{"level": "DEBUG", "msg": "checkpoint not found", "method": "get", "key": "a", "count": 0, "error": true})
	expect(record(func() { _, _ = s.SetIfNewer(ctx, "a", p, checkpoint.TTL(90*time.Second)) }), fields{
		"level": "DEBUG", "msg": "checkpoint advanced", "method": "setIfNewer", "key": "a",
		"commit": "9007199254740993", "prepare": "7", "ttlSeconds": 90, "updated": true,
	})
	expect(record(func() { _, _ = s.SetIfNewer(ctx, "a", p) }), fields{
		"level": "DEBUG", "msg": "checkpoint unchanged", "method": "setIfNewer", "key": "a",
		"commit": "9007199254740993", "prepare": "7", "updated": true,
	})
	expect(record(func() { _, _ = s.SetIfNewer(ctx, "a", somewhere) }), fields{
		"level": "WARN", "msg": "stale position refused", "method": "setIfNewer", "key": "a",
		"commit": "12", "prepare": "34", "updated": false,
	})
	expect(record(func() { _ = s.Set(ctx, "a", somewhere, checkpoint.Epoch(2)) }), fields{
		"level": "DEBUG", "msg": "checkpoint set", "method": "set", "key": "a",
		"commit": "12", "prepare": "34", "updated": true,
	})
	expect(record(func() { _ = s.Set(ctx, "a", somewhere, checkpoint.Epoch(1)) }), fields{
		"level": "WARN", "msg": "fenced write refused", "method": "set", "key": "a",
		"commit": "12", "prepare": "34", "updated": false, "error": true,
	})
	expect(record(func() { _ = s.Touch(ctx, "a", time.Minute) }), fields{
		"level": "DEBUG", "msg": "expiry renewed", "method": "touch", "key": "a", "ttlSeconds": 60, "updated": true,
	})
	expect(record(func() { _, _ = s.Rewind(ctx, "a", somewhere) }), fields{
		"level": "DEBUG", "msg": "checkpoint rewound", "method": "rewind", "key": "a",
		"commit": "12", "prepare": "34", "updated": true,
	})
	expect(record(func() { _, _ = s.Exists(ctx, "a") }),
		fields{"level": "DEBUG", "msg": "checkpoint looked up", "method": "exists", "key": "a", "count": 1})
	expect(record(func() { _, _ = s.GetMany(ctx, "a", "b") }),
		fields{"level": "DEBUG", "msg": "checkpoints read", "method": "getMany", "count": 1})
	expect(record(func() { _, _ = s.Apply(ctx, checkpoint.Write{Key: "a"}, checkpoint.Write{Key: "b"}) }),
		fields{"level": "DEBUG", "msg": "batch applied", "method": "apply", "count": 2})
	expect(record(func() {
		_, _ = s.Apply(ctx, checkpoint.Write{Key: "a", Mark: checkpoint.Mark{Epoch: 1}}, checkpoint.Write{Key: "b"})
	}), fields{"level": "WARN", "msg": "batch applied", "method": "apply", "count": 1, "refused": 1})
	expect(record(func() { _, _ = checkpoint.Collect(s.GetAll(ctx, "*")) }),
		fields{"level": "DEBUG", "msg": "checkpoints read", "method": "getAll", "pattern": "*", "count": 2})
	expect(record(func() {
		for range s.Scan(ctx, "*") {
			break
		}
	}), fields{"level": "DEBUG", "msg": "keys scanned", "method": "scan", "pattern": "*", "count": 1})
	expect(record(func() { _, _ = s.RenewMany(ctx, checkpoint.Lease{Key: "a", Epoch: 1, TTL: time.Minute}) }),
		fields{"level": "WARN", "msg": "leases renewed", "method": "renewMany", "count": 0, "refused": 1})
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	expect(record(func() { _, _ = s.Get(canceled, "a") }),
		fields{"level": "DEBUG", "msg": "call canceled", "method": "get", "key": "a", "count": 0, "error": true})
	late, cancel := context.WithTimeout(ctx, 0)
	defer cancel()
	expect(record(func() { _, _ = s.Get(late, "a") }),
		fields{"level": "ERROR", "msg": "call failed", "method": "get", "key": "a", "count": 0, "error": true})
	d.DamageLease("c")
	expect(record(func() { _, _ = s.AcquireMany(ctx, leasesOf("b", "c")...) }),
		fields{"level": "ERROR", "msg": "leases acquired", "method": "acquireMany", "count": 1, "failed": 1})
	d.Damage("a")
	expect(record(func() { _, _ = s.Get(ctx, "a") }),
		fields{"level": "WARN", "msg": "damaged checkpoint", "method": "get", "key": "a", "count": 0, "error": true})
	expect(record(func() { _ = s.Delete(ctx, "a") }),
		fields{"level": "DEBUG", "msg": "checkpoint deleted", "method": "delete", "key": "a", "count": 1})
	expect(record(func() { _, _ = s.Clear(ctx, "*") }),
		fields{"level": "DEBUG", "msg": "checkpoints cleared", "method": "clear", "pattern": "*", "count": 1})
	d.Fail(errCut)
	expect(record(func() { _, _ = s.Get(ctx, "a") }),
		fields{"level": "ERROR", "msg": "call failed", "method": "get", "key": "a", "count": 0, "error": true})
}

// A mixed driver finds damage at one key of a batch, and fails at the other.
type mixed struct {
	*memstore.Driver
	failed driver.Outcome
	err    error // of the other
}

func (m mixed) Write(context.Context, []driver.Write) ([]driver.Result, error) {
	return []driver.Result{{Outcome: driver.Failed, Err: driver.DamagedCheckpoint("torn")}, {Outcome: m.failed, Err: m.err}}, nil
}

func (m mixed) Get(context.Context, []string) ([]driver.Record, error) {
	return []driver.Record{{Err: driver.DamagedCheckpoint("torn")}, {Err: m.err}}, nil
}

// TestDamageHidesNoFailure of the engine: an alert looks for errors.
func TestDamageHidesNoFailure(t *testing.T) {
	for _, c := range []struct {
		failed driver.Outcome
		err    error
		level  string
	}{
		{driver.Unknown, errCut, "level=ERROR"},
		{driver.Failed, errCut, "level=ERROR"},
		{driver.Failed, driver.DamagedFence("torn"), "level=WARN"},
	} {
		var out bytes.Buffer
		d := mixed{memstore.New(), c.failed, c.err}
		s := checkpoint.New(d, &checkpoint.Options{Logger: slog.New(slog.NewTextHandler(&out, nil))})
		_, applied := s.Apply(t.Context(), checkpoint.Write{Key: "a"}, checkpoint.Write{Key: "b"})
		_, read := s.GetMany(t.Context(), "a", "b")
		if !errors.Is(applied, c.err) || !errors.Is(read, c.err) || strings.Count(out.String(), c.level) != 2 {
			t.Errorf("%v and %v are logged as %s", applied, read, out.String())
		}
	}
}
