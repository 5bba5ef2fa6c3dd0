package doctor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// torn is a store in which the history of a key is damaged.
type torn struct {
	*memstore.Driver

	key string
}

func (d torn) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	if key == d.key {
		return nil, driver.DamagedHistory("an entry of %q", key)
	}
	return d.Driver.History(ctx, key, n)
}

// TestDamageBesideTheKeys: a history or a report that cannot be read hides nothing else.
func TestDamageBesideTheKeys(t *testing.T) {
	mem := memstore.New()
	s := checkpoint.New(mem, nil)
	for _, key := range []string{"beyond", "torn"} {
		if _, err := s.Rewind(t.Context(), key, checkpoint.Position{}, checkpoint.UpdatedAt(time.Now().Add(-time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
	at := &checkpoint.Position{Commit: 5}
	status := checkpoint.Status{Instance: "a", State: checkpoint.StateRunning, Position: at, Head: new(checkpoint.Position)}
	if _, err := s.Report(t.Context(), "beyond", status, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := mem.Report(t.Context(), []driver.Report{{Key: "beyond", Instance: "b", Text: "x", TTL: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	found := make(map[string]doctor.Line)
	doctor.Contents(t.Context(), torn{mem, "torn"}, doctor.NewReport(func(l doctor.Line) error {
		found[l.Check] = l
		return nil
	}, func(err error) (string, string) { return err.Error(), "" }))
	for check, want := range map[string]string{
		"history": `1 history is damaged: "torn"`,
		"reports": `1 key has a report that cannot be read: "beyond"`,
		"logs":    `1 consumer is beyond the head of the log: "beyond"`,
	} {
		if l := found[check]; l.Level != doctor.Fail || l.Text != want || l.Remedy == "" {
			t.Errorf("%s: %+v, want %q and a remedy", check, l, want)
		}
	}
}

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
