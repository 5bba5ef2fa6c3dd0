package driver

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// ReportBytes is how long the text of a report may be.
const ReportBytes = 4096

// A Report is what an instance of a consumer says of itself at a key. The engine keeps the
// text, and reads nothing in it. The key has one report for each instance.
type Report struct {
	Key string

	// Instance names the instance, in 1 to 256 bytes of valid UTF-8 without control
	// characters. The empty name is for the operator's notice to all instances, and for
	// nothing else.
	Instance string

	// Text has at most [ReportBytes] bytes of valid UTF-8 without control characters. An
	// empty text removes the report.
	Text string

	// TTL is how long the report lasts from now, in whole milliseconds. Zero: for ever. A
	// [TTLUnit] rounds it up. Reports leaves it zero.
	TTL time.Duration

	// At is when the report was stored, and ExpiresAt is when it ends, both by the engine's
	// clock: UTC, whole milliseconds. A zero ExpiresAt means never. Report ignores both.
	At, ExpiresAt time.Time
}

// A ReportResult is the answer for one report.
type ReportResult struct {
	// Notice is the text of the key's notice after the step that stored the report. Empty:
	// the key has none.
	Notice string
	Err    error
}

// A Reporter is a Driver that keeps reports. A report is no part of the key's cell: it
// decides nothing, and no change of the cell touches it.
type Reporter interface {
	// Report stores each report in place of the instance's former one. It returns one
	// result for each report, in the order of the reports. If Report itself returns an
	// error, the error concerns all reports, and the results are nil. After an error a
	// report may have been stored.
	Report(ctx context.Context, reports []Report) ([]ReportResult, error)

	// Reports returns the reports of each key that have not expired, in the order of the
	// keys. The reports of a key are in the order of their instances' names, by bytes. A
	// report that cannot be read is a [DamagedReport].
	Reports(ctx context.Context, keys []string) ([][]Report, error)
}

// DamagedReport returns a report in place of one that cannot be read. Its text begins with
// "damaged: ", and says what is wrong. So a damaged report is never missing, and hides no
// other. It is never a text that a Store can read: a damaged notice counts as a pause.
func DamagedReport(key, instance, format string, args ...any) Report {
	return Report{Key: key, Instance: instance, Text: damagedReport + fmt.Sprintf(format, args...)}
}

const damagedReport = "damaged: "

// Damage returns what is wrong with a [DamagedReport], or "".
func (r Report) Damage() string {
	damage, ok := strings.CutPrefix(r.Text, damagedReport)
	if !ok {
		return ""
	}
	return damage
}

// ReportTo calls d's own Report. The error is [ErrUnsupported] if d is not a [Reporter].
func ReportTo(ctx context.Context, d Driver, reports []Report) ([]ReportResult, error) {
	r, ok := d.(Reporter)
	if !ok {
		return nil, unsupported(d, "it keeps no reports")
	}
	results, err := r.Report(ctx, reports)
	if err == nil && len(results) != len(reports) {
		return nil, wrongCount("reports", len(reports), "results", len(results))
	}
	return results, err
}

// ReportsOf calls d's own Reports. The error is [ErrUnsupported] if d is not a [Reporter].
func ReportsOf(ctx context.Context, d Driver, keys []string) ([][]Report, error) {
	r, ok := d.(Reporter)
	if !ok {
		return nil, unsupported(d, "it keeps no reports")
	}
	reports, err := r.Reports(ctx, keys)
	if err == nil && len(reports) != len(keys) {
		return nil, wrongCount("keys", len(keys), "lists of reports", len(reports))
	}
	return reports, err
}
