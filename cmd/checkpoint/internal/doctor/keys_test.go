package doctor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
	"github.com/checkpointstore/checkpoint/memstore"
)

func TestPositionsOutsideOfTheirLogs(t *testing.T) {
	mem := memstore.New()
	s := checkpoint.New(mem, nil)
	logs := func() string {
		var lines []string
		r := doctor.NewReport(func(l doctor.Line) error {
			if l.Check == "logs" {
				lines = append(lines, l.Level.String()+" "+l.Text)
			}
			return nil
		}, func(err error) (string, string) { return err.Error(), "" })
		doctor.Contents(t.Context(), mem, r)
		return strings.Join(lines, "\n")
	}
	at := func(n uint64) *checkpoint.Position { return &checkpoint.Position{Commit: n, Prepare: n} }
	report := func(key string, begins, head uint64) {
		status := checkpoint.Status{Instance: "a", State: checkpoint.StateRunning, Position: at(5), Begins: at(begins), Head: at(head)}
		if _, err := s.Report(t.Context(), key, status, time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := s.Set(t.Context(), key, *at(5)); err != nil {
			t.Fatal(err)
		}
	}
	report("sound", 5, 5)
	if got, want := logs(), "OK 1 consumer tells the log's head, and no position is outside of its log"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	report("beyond", 0, 4)
	report("trimmed", 6, 9)
	const want = "FAIL 1 consumer is beyond the head of the log: \"beyond\"\n" +
		"FAIL 1 consumer is before the first event of the log, and events are gone: \"trimmed\""
	if got := logs(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
