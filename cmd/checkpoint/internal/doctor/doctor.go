// Package doctor reports what stands between a store and its promises.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/checkpointstore/checkpoint/driver"
)

// A Level says how bad a [Line] is.
type Level int

// The levels, from the best to the worst.
const (
	OK   Level = iota
	Warn       // a promise may fail one day, or nobody can tell
	Fail       // a promise fails now, or at the next fault
)

func (l Level) String() string { return [...]string{"OK", "WARN", "FAIL"}[l] }

// MarshalText returns what [Level.String] returns.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// A Line is the result of one check: the fact, and the remedy if there is one.
type Line struct {
	Check  string `json:"check"`
	Level  Level  `json:"level"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// ErrWarn and ErrFail are what [Report.Err] is if the worst line is a warning or a failure.
var (
	ErrWarn = errors.New("there are warnings")
	ErrFail = errors.New("there are failures")
)

// An Opened is a store that an engine has checked, and has opened for further checks.
type Opened struct {
	Driver driver.Driver // nil: nothing more can be checked

	// Slow makes the checks that read everything. Nil: there are none.
	Slow func(ctx context.Context, r *Report)

	// Close closes the store.
	Close func() error
}

// A Report passes lines on, and remembers the worst. It is for one goroutine at a time.
type Report struct {
	write   func(Line) error
	explain func(error) (fact, remedy string)
	counts  [Fail + 1]int
	err     error // of write
}

// NewReport returns a report that passes each line to write. It asks explain what an error
// means.
func NewReport(write func(Line) error, explain func(error) (fact, remedy string)) *Report {
	return &Report{write: write, explain: explain}
}

// Add reports a line.
func (r *Report) Add(l Line) {
	l.Text, l.Remedy = oneLine(l.Text), oneLine(l.Remedy)
	r.counts[l.Level]++
	if r.err == nil {
		r.err = r.write(l)
	}
}

// OK reports that a check has found nothing.
func (r *Report) OK(check, format string, args ...any) {
	r.Add(Line{check, OK, fmt.Sprintf(format, args...), ""})
}

// Warn reports a warning.
func (r *Report) Warn(check, text, remedy string) { r.Add(Line{check, Warn, text, remedy}) }

// Fail reports a failure.
func (r *Report) Fail(check, text, remedy string) { r.Add(Line{check, Fail, text, remedy}) }

// Broken reports that a call of the store fails. The remedy is for an error that has none.
func (r *Report) Broken(check string, err error, remedy string) {
	fact, own := r.explain(err)
	r.Fail(check, fact, cmp.Or(own, remedy))
}

// Unknown reports that a check cannot be made.
func (r *Report) Unknown(check string, err error, remedy string) {
	r.Warn(check, "this check could not be made: "+err.Error(), remedy)
}

// Err returns nil if every line is OK.
func (r *Report) Err() error {
	fails, warns := r.counts[Fail], r.counts[Warn]
	switch {
	case r.err != nil:
		return r.err
	case fails > 0:
		return fmt.Errorf("%w: %d FAIL, %d WARN, %d OK", ErrFail, fails, warns, r.counts[OK])
	case warns > 0:
		return fmt.Errorf("%w: %d WARN, %d OK", ErrWarn, warns, r.counts[OK])
	}
	return nil
}

// oneLine keeps a text that a server or a file has given from steering the terminal.
func oneLine(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "\n", "; ")
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s)
}

// Bytes writes a size for people.
func Bytes(n int64) string {
	for _, unit := range []string{"bytes", "KiB", "MiB", "GiB"} {
		if n < 10<<10 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n >>= 10
	}
	return fmt.Sprintf("%d TiB", n)
}
