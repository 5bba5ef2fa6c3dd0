package transfer_test

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/driver"
)

func TestLinesRoundTrip(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
	for _, c := range []checkpoint.Checkpoint{
		{Key: "k"},
		{Key: `quotes " and \ and <&> and ü`, Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: math.MaxUint64, Prepare: 1<<53 + 1}}},
		{Key: "k", Mark: checkpoint.Mark{UpdatedAt: at, Epoch: math.MaxUint64 - 1}, ExpiresAt: at.Add(290 * 365 * 24 * time.Hour)},
		{Key: "k", Mark: checkpoint.Mark{LogID: `esdb://"a"/ü`}},
		{Key: "k", Mark: checkpoint.Mark{UpdatedAt: time.Date(1, 1, 1, 0, 0, 0, 1_000_000, time.UTC)}},
	} {
		line := transfer.Encode(c)
		got, err := transfer.Decode(line)
		if err != nil || got != c {
			t.Errorf("%s was read as %+v, %v; want %+v", line, got, err, c)
		}
		if bytes.Count(line, []byte("\n")) != 1 {
			t.Errorf("%q is not one line", line)
		}
	}
}

// TestEveryFieldIsInTheLine also holds for a field that is new.
func TestEveryFieldIsInTheLine(t *testing.T) {
	var c checkpoint.Checkpoint
	fill(t, reflect.ValueOf(&c).Elem())
	line := transfer.Encode(c)
	if got, err := transfer.Decode(line); err != nil || got != c {
		t.Errorf("%s was read as %+v, %v; want %+v", line, got, err, c)
	}
}

func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch value := v.Addr().Interface().(type) {
	case *string:
		*value = "text"
	case *uint64:
		*value = 7
	case *time.Time:
		*value = time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
	default:
		if v.Kind() != reflect.Struct {
			t.Fatalf("this test knows no value of a %s", v.Type())
		}
		for _, field := range v.Fields() {
			fill(t, field)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	const rest = `"prepare":"1"}`
	for line, want := range map[string]string{
		``:                                    "cut off",
		`{`:                                   "cut off",
		`{"key":"k"`:                          "cut off",
		`nonsense`:                            "not JSON",
		`["k"]`:                               "an array, not an object",
		`"k"`:                                 "a string, not an object",
		`null`:                                "null, not an object",
		`{"key":"k"}`:                         `"commit" is missing`,
		`{"commit":"1",` + rest:               `"key" is missing`,
		`{"key":"k","Commit":"1",` + rest:     `"Commit" is unknown`,
		`{"key":"k","commit":1,` + rest:       "the number 1: write it as a string",
		`{"key":"k","commit":1e3,` + rest:     "the number 1e3",
		`{"key":"k","commit":null,` + rest:    "null",
		`{"key":"k","commit":{"a":1},` + rest: "an object",
		`{"key":"k","commit":"1.5",` + rest:   `"1.5": want a decimal number`,
		`{"key":"k","commit":"01",` + rest:    `"01"`,
		`{"key":"k","commit":"+1",` + rest:    `"+1"`,
		`{"key":"k","commit":"18446744073709551616",` + rest:                     "want a decimal number",
		`{"key":"k","commit":"1","commit":"1",` + rest:                           "there twice",
		`{"key":"k","commit":"1",` + rest + ` {}`:                                "more than one object",
		`{"key":"k","commit":"1","updatedAt":"now",` + rest:                      "want a time",
		`{"key":"k","commit":"1","logId":"",` + rest:                             `"logId" is "": leave it out`,
		`{"key":"k","commit":"1","epoch":"",` + rest:                             `"epoch" is "": want a decimal number`,
		`{"key":"k","commit":"1","epoch":"0",` + rest:                            `"epoch" is "0": leave it out`,
		`{"key":"k","commit":"1","epoch":"18446744073709551615",` + rest:         "would lock the key for ever: use a smaller one",
		`{"key":"k","commit":"",` + rest:                                         `"commit" is missing`,
		`{"key":"k","commit":"1","updatedAt":"0001-01-01T00:00:00.000Z",` + rest: "leave it out",
		"{\"key\":\"\xff\",\"commit\":\"1\"," + rest:                             "not valid UTF-8",
	} {
		c, err := transfer.Decode([]byte(line))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Decode(%s) = %+v, %v; want an error with %q", line, c, err, want)
		}
	}
}

// FuzzDecode: an accepted line is written back as a line with the same meaning.
func FuzzDecode(f *testing.F) {
	f.Add(`{"key":"k","commit":"1","prepare":"2"}`)
	f.Add(`{"key":"k","commit":"18446744073709551615","prepare":"0","updatedAt":"2026-01-02T03:04:05.006Z","expiresAt":"2027-01-02T03:04:05+02:00","epoch":"7"}`)
	f.Add(` { "prepare" : "2" , "commit":"1","key":"\ud800" } ` + "\n")
	f.Add(`{"key":"k","commit":1,"prepare":2}`)
	f.Fuzz(func(t *testing.T, line string) {
		c, err := transfer.Decode([]byte(line))
		if err != nil {
			return
		}
		c.UpdatedAt, c.ExpiresAt = c.UpdatedAt.Truncate(time.Millisecond), c.ExpiresAt.Truncate(time.Millisecond)
		again, err := transfer.Decode(transfer.Encode(c))
		if err != nil || again != c {
			t.Errorf("%q was read as %+v, and then as %+v, %v", line, c, again, err)
		}
	})
}

// TestTimesOfOtherPrograms: not everybody writes milliseconds, or UTC.
func TestTimesOfOtherPrograms(t *testing.T) {
	for text, want := range map[string]string{
		"2026-01-02T03:04:05Z":            "2026-01-02T03:04:05.000Z",
		"2026-01-02T03:04:05.6Z":          "2026-01-02T03:04:05.600Z",
		"2026-01-02T03:04:05.123456789Z":  "2026-01-02T03:04:05.123Z",
		"2026-01-02T03:04:05+02:00":       "2026-01-02T01:04:05.000Z",
		"2026-01-02T03:04:05.5-00:30":     "2026-01-02T03:34:05.500Z",
		"2026-01-02 03:04:05Z":            "",
		"2026-01-02T03:04:05":             "",
		"2026-01-02":                      "",
		"1767323045":                      "",
		"2026-02-30T03:04:05Z":            "",
		"0000-01-02T03:04:05Z":            "",
		"9999-12-31T23:59:59.999-01:00":   "",
		"2026-01-02T03:04:05.000000000+1": "",
	} {
		c, err := transfer.Decode([]byte(`{"key":"k","commit":"1","prepare":"1","expiresAt":"` + text + `"}`))
		if got := c.ExpiresAt.Format(driver.TimeLayout); err == nil && got != want || (err == nil) != (want != "") {
			t.Errorf("%s is %s, %v; want %q", text, got, err, want)
		}
	}
}
