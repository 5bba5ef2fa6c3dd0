package output_test

import (
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
)

// TestRewindsSayWhenAKeyStoodThere: a rewind to a time shows from when its position is.
func TestRewindsSayWhenAKeyStoodThere(t *testing.T) {
	rewinds := []output.Rewind{{
		Key: "k", Before: &checkpoint.Position{Commit: 9, Prepare: 9}, After: checkpoint.Position{Commit: 5, Prepare: 5},
		Effect: "redoes 4", KnownAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}}
	for format, want := range map[string]string{
		"table": "KEY  BEFORE  AFTER  EFFECT    LOCKS OUT  STOOD THERE\n" +
			"k         9      5  redoes 4  -          2026-01-02T03:04:05.000Z\n",
		"": "k\tC:9/P:9\tC:5/P:5\tredoes 4\t-\t2026-01-02T03:04:05.000Z\n",
		"json": `{"key":"k","before":{"commit":"9","prepare":"9"},"after":{"commit":"5","prepare":"5"},` +
			`"effect":"redoes 4","knownAt":"2026-01-02T03:04:05Z"}` + "\n",
	} {
		var out strings.Builder
		if err := output.Rewinds(&out, format, rewinds); err != nil || out.String() != want {
			t.Errorf("-o %q prints\n%s, %v; want\n%s", format, &out, err, want)
		}
	}
}
