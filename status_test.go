package checkpoint_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

func TestReportKeepsAllOfAStatus(t *testing.T) {
	s := checkpoint.New(memstore.New(), nil)
	since := time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC)
	want := checkpoint.Status{
		Instance: "a", Host: "db1", PID: 7, Version: "v1.2.3", State: checkpoint.StateRunning, Since: since, Now: since,
		Position: &checkpoint.Position{Commit: 1 << 63, Prepare: 1<<64 - 1}, Head: &checkpoint.Position{Commit: 5}, Begins: &checkpoint.Position{Commit: 4}, AdvancedAt: since,
		Lag: new(uint64(1<<64 - 1)), LagTime: new(90*time.Second + time.Millisecond), LagAtLeast: true,
		Rate: 1.5, Pace: 2, HeadPace: new(2.5), InFlight: 3, OldestAge: 4 * time.Second, Done: 1<<63 - 1, Retries: 6, Parked: 7,
		LastError: "boom", LastErrorAt: since,
	}
	if pause, err := s.Report(t.Context(), "k", want, time.Minute); pause != nil || err != nil {
		t.Fatalf("Report: %v, %v", pause, err)
	}
	statuses, err := s.Statuses(t.Context(), "k", "missing")
	if err != nil || len(statuses) != 2 || len(statuses[0].Instances) != 1 || statuses[1].Key != "missing" || statuses[1].Instances != nil {
		t.Fatalf("Statuses: %+v, %v", statuses, err)
	}
	got := statuses[0].Instances[0]
	if got.ReportedAt.IsZero() || got.ExpiresAt.Sub(got.ReportedAt) < time.Minute {
		t.Errorf("the report is of %v, and ends at %v", got.ReportedAt, got.ExpiresAt)
	}
	want.ReportedAt, want.ExpiresAt = got.ReportedAt, got.ExpiresAt
	for i := range reflect.TypeFor[checkpoint.Status]().NumField() {
		name := reflect.TypeFor[checkpoint.Status]().Field(i).Name
		if got, want := reflect.ValueOf(got).Field(i).Interface(), reflect.ValueOf(want).Field(i).Interface(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if _, err := s.Report(t.Context(), "k", want, 0); err != nil {
		t.Fatal(err)
	}
	if statuses, err := s.Statuses(t.Context(), "k"); err != nil || len(statuses[0].Instances) != 0 {
		t.Errorf("a report of no time left %+v, %v", statuses, err)
	}
}

func TestReportIsBoundedAndTellsNoSecret(t *testing.T) {
	mem := memstore.New()
	s := checkpoint.New(mem, nil)
	quotes := strings.Repeat(`"`, 9000)
	longest := checkpoint.Status{
		Instance: quotes[:256], Host: quotes, Version: quotes, LastError: quotes, Rate: 1.0 / 3, Pace: 1e300 / 3,
		Position: &checkpoint.Position{Commit: 1<<64 - 1, Prepare: 1<<64 - 1}, Head: &checkpoint.Position{Commit: 1<<64 - 1, Prepare: 1<<64 - 1},
		Begins: &checkpoint.Position{Commit: 1<<64 - 1, Prepare: 1<<64 - 1},
	}
	if _, err := s.Report(t.Context(), "k", longest, time.Minute); err != nil {
		t.Fatal(err)
	}
	reports, err := mem.Reports(t.Context(), []string{"k"})
	if err != nil || len(reports[0][0].Text) > driver.ReportBytes {
		t.Errorf("the text has %d bytes, %v", len(reports[0][0].Text), err)
	}
	for _, text := range []string{
		"cannot reach redis://user:hunter2@host:6379/0?x=1",
		"cannot reach postgres://user:p@hunter2@host/db",
		`parse "redis://app:hun/hunter2@db:6379": invalid port ":hun" after host`,
		"dsn: host=db user=me password=hunter2 dbname=x",
		`{"api_key": "hunter2"}`, "Authorization: Bearer hunter2", "?token=hunter2&x=1", "PWD='hunter2'",
	} {
		st := checkpoint.Status{Instance: "a", LastError: text}
		if _, err := s.Report(t.Context(), "k2", st, time.Minute); err != nil {
			t.Fatal(err)
		}
		reports, err := mem.Reports(t.Context(), []string{"k2"})
		if got := reports[0][0].Text; err != nil || strings.Contains(got, "hunter2") || !strings.Contains(got, "xxxxx") {
			t.Errorf("%q is reported as %s, %v", text, got, err)
		}
	}
}

func TestReportRefusesWhatNoInstanceIsCalled(t *testing.T) {
	s := checkpoint.New(memstore.New(), nil)
	for _, name := range []string{"", strings.Repeat("a", 257), "a\nb", "\xff"} {
		if _, err := s.Report(t.Context(), "k", checkpoint.Status{Instance: name}, time.Minute); err == nil {
			t.Errorf("Report of the instance %.20q is no error", name)
		}
	}
	if _, err := s.Report(t.Context(), "k", checkpoint.Status{Instance: "a"}, -1); err == nil {
		t.Error("Report for a negative time is no error")
	}
	if statuses, err := s.Statuses(t.Context(), "k"); err != nil || len(statuses[0].Instances) != 0 {
		t.Errorf("what was refused left %+v, %v", statuses, err)
	}
}

func TestPause(t *testing.T) {
	s := checkpoint.New(memstore.New(), nil)
	ctx := checkpoint.WithBy(t.Context(), "ana@db1", "<a> bad \"deploy\"")
	if err := s.Pause(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	pause, err := s.Report(t.Context(), "k", checkpoint.Status{Instance: "a"}, time.Minute)
	if err != nil || pause == nil || pause.Actor != "ana@db1" || pause.Reason != "<a> bad \"deploy\"" {
		t.Fatalf("Report: %+v, %v", pause, err)
	}
	statuses, err := s.Statuses(t.Context(), "k", "l")
	if p := statuses[0].Pause; err != nil || p == nil || p.String() != `paused by ana@db1: <a> bad "deploy"` || p.At.IsZero() || statuses[1].Pause != nil {
		t.Errorf("Statuses: %+v, %v", statuses, err)
	}
	if err := s.Resume(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	if pause, err := s.Report(t.Context(), "k", checkpoint.Status{Instance: "a"}, time.Minute); pause != nil || err != nil {
		t.Errorf("after Resume: %+v, %v", pause, err)
	}
}

// What is damaged must not look like what is absent.
func TestDamagedReports(t *testing.T) {
	mem := memstore.New()
	s := checkpoint.New(mem, nil)
	if _, err := mem.Report(t.Context(), []driver.Report{{Key: "k", Text: "not JSON"}, {Key: "k", Instance: "a", Text: "not JSON"}}); err != nil {
		t.Fatal(err)
	}
	statuses, err := s.Statuses(t.Context(), "k")
	if err != nil || statuses[0].Pause == nil || len(statuses[0].Instances) != 1 || statuses[0].Instances[0].Err == nil {
		t.Errorf("Statuses: %+v, %v", statuses, err)
	}
	if pause, err := s.Report(t.Context(), "k", checkpoint.Status{Instance: "b"}, time.Minute); pause == nil || err != nil {
		t.Errorf("Report: %+v, %v", pause, err)
	}
	half := []driver.Report{{Key: "half", Instance: "a", Text: `{"pid":"x","lagMs":5,"oldestMs":7}`}}
	if _, err := mem.Report(t.Context(), half); err != nil {
		t.Fatal(err)
	}
	statuses, err = s.Statuses(t.Context(), "half")
	if err != nil || statuses[0].Instances[0].Err == nil || statuses[0].Instances[0].LagTime != nil || statuses[0].Instances[0].OldestAge != 0 {
		t.Errorf("a report that is half readable: %+v, %v; want the error alone", statuses, err)
	}
}

func TestReportsNeedAnEngineThatKeepsThem(t *testing.T) {
	s := checkpoint.New(struct{ driver.Driver }{memstore.New()}, nil)
	_, reportErr := s.Report(t.Context(), "k", checkpoint.Status{Instance: "a"}, time.Minute)
	_, statusesErr := s.Statuses(t.Context(), "k")
	_, samplesErr := s.Samples(t.Context(), "k")
	for _, err := range []error{reportErr, statusesErr, samplesErr, s.Pause(t.Context(), "k"), s.Resume(t.Context(), "k")} {
		if !errors.Is(err, checkpoint.ErrUnsupported) {
			t.Errorf("the error is %v, want ErrUnsupported", err)
		}
	}
}
