package watch_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
	"github.com/checkpointstore/checkpoint/memstore"
)

// Programs read these fields: a change of a name breaks them.
func TestFieldsOfJSON(t *testing.T) {
	mem := memstore.New()
	s := checkpoint.New(mem, nil)
	day := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	if _, err := s.SetIfNewer(t.Context(), "orders", checkpoint.Position{Commit: 1<<64 - 1}, checkpoint.Epoch(3)); err != nil {
		t.Fatal(err)
	}
	_, err := s.Report(t.Context(), "orders", checkpoint.Status{
		Instance: "a", Host: "db1", PID: 7, State: checkpoint.StateRunning, Since: day, Now: day, AdvancedAt: day,
		Position: &checkpoint.Position{Commit: 5}, Lag: new(uint64(1<<64 - 1)), LagTime: new(90 * time.Second), LagAtLeast: true,
		Rate: 2.5, InFlight: 3, OldestAge: time.Second, Done: 9, LastError: "boom", LastErrorAt: day,
	}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := (watch.Rules{}).Snapshot(t.Context(), s, "*")
	if err != nil {
		t.Fatal(err)
	}
	rows[0].Age, rows[0].Status.Instances[0].ReportedAt = new(time.Second), day
	got, err := json.Marshal(rows[0])
	const want = `{"key":"orders","state":"running","position":{"commit":"18446744073709551615","prepare":"0"},` +
		`"lag":"18446744073709551615","lagMs":90000,"lagAtLeast":true,"rate":2.5,"owner":"a","leaseLeftMs":null,"ageMs":1000,"epoch":"3",` +
		`"instances":[{"instance":"a","host":"db1","pid":7,"state":"running","since":"2024-05-06T07:08:09Z","now":"2024-05-06T07:08:09Z",` +
		`"position":{"commit":"5","prepare":"0"},"advancedAt":"2024-05-06T07:08:09Z","lag":"18446744073709551615","lagAtLeast":true,` +
		`"rate":2.5,"pace":0,"inFlight":3,"done":"9","lastError":"boom","lastErrorAt":"2024-05-06T07:08:09Z",` +
		`"lagMs":90000,"oldestAgeMs":1000,"reportedAt":"2024-05-06T07:08:09Z"}]}`
	if err != nil || string(got) != want {
		t.Errorf("got\n%s, %v, want\n%s", got, err, want)
	}
}
