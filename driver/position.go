package driver

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrInvalidPosition says that a text is not a position.
var ErrInvalidPosition = errors.New("invalid position")

// A Position is a place in a log: the last event that was processed, never the
// next to read. Positions are ordered by Commit, then by Prepare; Prepare may
// be greater than Commit.
//
// The zero Position stands before everything, in every log: no event has it.
//
// Position has the same fields as KurrentDB's Position, so that one converts to the
// other. If a log has one number, use the number for both fields: a Postgres LSN n is
// {n, n}. If the first event of the log is at 0, as in Kafka, use [Offset]. If a log has
// two numbers, such as the milliseconds and the sequence of a Redis Stream, Commit is
// the number that orders first.
type Position struct {
	Commit  uint64
	Prepare uint64
}

// ParsePosition reads the text of a position: "C:12/P:34", "12@34", "12/34", "12-34",
// "12" or "offset:12". "12" is {12, 12}, and "offset:12" is [Offset] of 12. Numbers are
// decimal, from 0 to 2^64-1 (an offset: to 2^64-2), without sign, space or leading zero.
// Any other text is [ErrInvalidPosition].
func ParsePosition(s string) (Position, error) {
	if offset, ok := strings.CutPrefix(s, "offset:"); ok {
		return parseOffset(s, offset)
	}
	commit, prepare, err := splitPosition(s)
	if err != nil {
		return Position{}, fmt.Errorf("%w %s: %w", ErrInvalidPosition, quoteShort(s), err)
	}
	c, err := parseCanonical(commit)
	if err != nil {
		return Position{}, fmt.Errorf("%w %s: commit %w", ErrInvalidPosition, quoteShort(s), err)
	}
	p, err := parseCanonical(prepare)
	if err != nil {
		return Position{}, fmt.Errorf("%w %s: prepare %w", ErrInvalidPosition, quoteShort(s), err)
	}
	return Position{Commit: c, Prepare: p}, nil
}

func parseOffset(s, offset string) (Position, error) {
	n, err := parseCanonical(offset)
	if err == nil && n == math.MaxUint64 {
		err = fmt.Errorf("%s is above 18446744073709551614", offset)
	}
	if err != nil {
		return Position{}, fmt.Errorf("%w %s: offset %w", ErrInvalidPosition, quoteShort(s), err)
	}
	return Offset(n), nil
}

var errPositionForm = errors.New(`want "C:12/P:34", "12@34", "12/34", "12-34", "12" or "offset:12"`)

func splitPosition(s string) (commit, prepare string, err error) {
	if rest, ok := strings.CutPrefix(s, "C:"); ok {
		commit, prepare, ok = strings.Cut(rest, "/P:")
		if !ok {
			return "", "", errPositionForm
		}
		return commit, prepare, nil
	}
	if s == "" {
		return "", "", errPositionForm
	}
	// A separator in front would be a sign.
	if i := strings.IndexAny(s, "@/-"); i > 0 {
		return s[:i], s[i+1:], nil
	}
	return s, s, nil
}

// parseCanonical reads a number in its only valid form: strconv alone would take a plus
// sign and leading zeros.
func parseCanonical(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s is above 18446744073709551615", quoteShort(s))
	case err != nil:
		return 0, fmt.Errorf("%s is not a decimal number", quoteShort(s))
	case s[0] == '0' && len(s) > 1:
		return 0, fmt.Errorf("%s has a leading zero", quoteShort(s))
	}
	return n, nil
}

// quoteShort keeps hostile input from filling an error message.
func quoteShort(s string) string {
	const limit = 64
	if len(s) > limit {
		return strconv.Quote(s[:limit]) + "..."
	}
	return strconv.Quote(s)
}

// Compare returns -1, 0 or +1 as p is before, at or after q: by Commit, then
// by Prepare.
func (p Position) Compare(q Position) int {
	if c := cmp.Compare(p.Commit, q.Commit); c != 0 {
		return c
	}
	return cmp.Compare(p.Prepare, q.Prepare)
}

// String returns "C:12/P:34".
func (p Position) String() string {
	b, _ := p.AppendText(make([]byte, 0, 45))
	return string(b)
}

// AppendText appends the form of [Position.String] to b.
func (p Position) AppendText(b []byte) ([]byte, error) {
	b = strconv.AppendUint(append(b, "C:"...), p.Commit, 10)
	return strconv.AppendUint(append(b, "/P:"...), p.Prepare, 10), nil
}

// MarshalText returns the form of [Position.String].
func (p Position) MarshalText() ([]byte, error) { return p.AppendText(nil) }

// UnmarshalText is [ParsePosition].
func (p *Position) UnmarshalText(text []byte) error {
	q, err := ParsePosition(string(text))
	if err != nil {
		return err
	}
	*p = q
	return nil
}

// MarshalJSON returns {"commit":"12","prepare":"34"}: strings, so that no
// reader rounds them.
func (p Position) MarshalJSON() ([]byte, error) {
	b := strconv.AppendUint([]byte(`{"commit":"`), p.Commit, 10)
	b = strconv.AppendUint(append(b, `","prepare":"`...), p.Prepare, 10)
	return append(b, `"}`...), nil
}

// UnmarshalJSON reads the form of [Position.MarshalJSON]. A JSON number is
// refused with [ErrInvalidPosition], since its writer may have rounded it.
func (p *Position) UnmarshalJSON(data []byte) error {
	if written, ok := cutPosition(string(data)); ok {
		*p = written
		return nil
	}
	var fields struct{ Commit, Prepare json.RawMessage }
	if err := json.Unmarshal(data, &fields); err != nil {
		return fmt.Errorf(`%w: want {"commit":"12","prepare":"34"}: %w`, ErrInvalidPosition, err)
	}
	commit, err := jsonNumberString("commit", fields.Commit)
	if err != nil {
		return err
	}
	prepare, err := jsonNumberString("prepare", fields.Prepare)
	if err != nil {
		return err
	}
	*p = Position{Commit: commit, Prepare: prepare}
	return nil
}

// cutPosition reads the form of [Position.MarshalJSON] alone, in a tenth of the time that
// a reader of any JSON needs.
func cutPosition(text string) (p Position, ok bool) {
	text, begins := strings.CutPrefix(text, `{"commit":"`)
	text, ends := strings.CutSuffix(text, `"}`)
	first, second, both := strings.Cut(text, `","prepare":"`)
	if !begins || !ends || !both {
		return Position{}, false
	}
	commit, err := parseCanonical(first)
	prepare, err2 := parseCanonical(second)
	return Position{Commit: commit, Prepare: prepare}, err == nil && err2 == nil
}

func jsonNumberString(field string, raw json.RawMessage) (uint64, error) {
	if raw == nil {
		return 0, fmt.Errorf("%w: %s is missing", ErrInvalidPosition, field)
	}
	var s string
	if raw[0] != '"' {
		return 0, fmt.Errorf("%w: %s is %.32s, want a string of decimal digits: a JSON number may have been rounded",
			ErrInvalidPosition, field, raw)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return 0, fmt.Errorf("%w: %s: %w", ErrInvalidPosition, field, err)
	}
	n, err := parseCanonical(s)
	if err != nil {
		return 0, fmt.Errorf("%w: %s %w", ErrInvalidPosition, field, err)
	}
	return n, nil
}
