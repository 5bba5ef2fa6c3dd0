package driver_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
)

const maxUint64 = "18446744073709551615"

func TestParsePosition(t *testing.T) {
	for text, want := range map[string]driver.Position{
		"C:12/P:34":                          {Commit: 12, Prepare: 34},
		"12@34":                              {Commit: 12, Prepare: 34},
		"12/34":                              {Commit: 12, Prepare: 34},
		"12-34":                              {Commit: 12, Prepare: 34},
		"12":                                 {Commit: 12, Prepare: 12},
		"0":                                  {},
		"0@0":                                {},
		"offset:0":                           {Commit: 1, Prepare: 1},
		"offset:12":                          {Commit: 13, Prepare: 13},
		"offset:18446744073709551614":        {Commit: math.MaxUint64, Prepare: math.MaxUint64},
		"1@9007199254740993":                 {Commit: 1, Prepare: 1<<53 + 1},
		maxUint64:                            {Commit: math.MaxUint64, Prepare: math.MaxUint64},
		"C:" + maxUint64 + "/P:" + maxUint64: {Commit: math.MaxUint64, Prepare: math.MaxUint64},
	} {
		got, err := driver.ParsePosition(text)
		if err != nil || got != want {
			t.Errorf("ParsePosition(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestParsePositionRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "-", "@", "/", "C:", "C:/P:", "C:1", "C:1/P:", "C:/P:1", "C:1/2", "c:1/p:2", "C:1/P:2 ",
		"+1", "-1", " 1", "1 ", "01", "00", "1@01", "01@1", "1@", "@1", "1/", "1-", "1--2", "1@2@3", "1@2/3",
		"1.0", "1e3", "0x10", "1_000", "१", "nil", "18446744073709551616", "1@18446744073709551616",
		"offset:", "offset: 1", "offset:01", "offset:1@2", "Offset:1", "offset:-1", "offset:18446744073709551615",
		"99999999999999999999999999", "1\n", "1\x00", strings.Repeat("9", 10_000),
	} {
		got, err := driver.ParsePosition(text)
		if !errors.Is(err, driver.ErrInvalidPosition) || got != (driver.Position{}) {
			t.Errorf("ParsePosition(%.40q) = %v, %v; want ErrInvalidPosition", text, got, err)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("ParsePosition(%.40q): the error has %d bytes", text, len(err.Error()))
		}
	}
}

func FuzzParsePosition(f *testing.F) {
	for _, seed := range []string{
		"C:12/P:34", "12@34", "12/34", "12-34", "12", "01", "-1", "0", maxUint64, maxUint64 + "0",
		"offset:12", "9007199254740993", "9223372036854775807@9223372036854775808", "18446744073709551616",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := driver.ParsePosition(text)
		if err != nil {
			if !errors.Is(err, driver.ErrInvalidPosition) || p != (driver.Position{}) {
				t.Fatalf("ParsePosition(%q) = %v, %v", text, p, err)
			}
			return
		}
		forms := []string{
			p.String(),
			fmt.Sprintf("%d@%d", p.Commit, p.Prepare),
			fmt.Sprintf("%d/%d", p.Commit, p.Prepare),
			fmt.Sprintf("%d-%d", p.Commit, p.Prepare),
		}
		if n, ok := p.Offset(); ok && p == driver.Offset(n) {
			forms = append(forms, fmt.Sprintf("offset:%d", n))
		}
		canonical := p.Commit == p.Prepare && text == fmt.Sprint(p.Commit)
		for _, form := range forms {
			canonical = canonical || text == form
			if again, err := driver.ParsePosition(form); err != nil || again != p {
				t.Errorf("ParsePosition(%q) = %v, %v; want %v", form, again, err, p)
			}
		}
		if !canonical {
			t.Errorf("ParsePosition(%q) = %v, but that is not how to write it", text, p)
		}
	})
}

func TestOffset(t *testing.T) {
	for n, want := range map[uint64]driver.Position{
		0:                  {Commit: 1, Prepare: 1},
		41:                 {Commit: 42, Prepare: 42},
		math.MaxUint64 - 1: {Commit: math.MaxUint64, Prepare: math.MaxUint64},
	} {
		p := driver.Offset(n)
		if p != want || p.Compare(driver.Position{}) <= 0 {
			t.Errorf("Offset(%d) is %v, want %v, after the zero position", n, p, want)
		}
		if back, ok := p.Offset(); !ok || back != n {
			t.Errorf("the offset of %v is %d, %v; want %d", p, back, ok, n)
		}
	}
	next := uint64(0) // of an empty partition
	if p := driver.Offset(next - 1); p != (driver.Position{}) {
		t.Errorf("before offset 0 stands %v, want the zero position", p)
	}
	if n, ok := (driver.Position{}).Offset(); ok {
		t.Errorf("the zero position is at offset %d, want none", n)
	}
}

func TestPositionCompare(t *testing.T) {
	const big = 1 << 53
	ordered := []driver.Position{
		{Commit: 0, Prepare: 0},
		{Commit: 0, Prepare: 1},
		{Commit: 0, Prepare: math.MaxUint64},
		{Commit: 1, Prepare: 0},
		{Commit: big, Prepare: big},
		{Commit: big, Prepare: big + 1},
		{Commit: big + 1, Prepare: 0},
		{Commit: 1<<63 - 1, Prepare: 1<<63 - 1},
		{Commit: 1<<63 - 1, Prepare: 1 << 63},
		{Commit: 1 << 63, Prepare: 0},
		{Commit: 12345678901234567889, Prepare: 1},
		{Commit: 12345678901234567890, Prepare: 0},
		{Commit: math.MaxUint64 - 1, Prepare: math.MaxUint64},
		{Commit: math.MaxUint64, Prepare: 0},
		{Commit: math.MaxUint64, Prepare: math.MaxUint64},
	}
	for i, p := range ordered {
		for j, q := range ordered {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := p.Compare(q); got != want {
				t.Errorf("%v.Compare(%v) = %d, want %d", p, q, got, want)
			}
		}
	}
}

func TestPositionJSON(t *testing.T) {
	p := driver.Position{Commit: math.MaxUint64, Prepare: 1<<53 + 1}
	data, err := json.Marshal(p)
	if want := `{"commit":"18446744073709551615","prepare":"9007199254740993"}`; err != nil || string(data) != want {
		t.Fatalf("Marshal = %s, %v; want %s", data, err, want)
	}
	var back driver.Position
	if err := json.Unmarshal(data, &back); err != nil || back != p {
		t.Errorf("Unmarshal(%s) = %v, %v", data, back, err)
	}

	keyed, err := json.Marshal(map[driver.Position]int{p: 1})
	if want := `{"C:18446744073709551615/P:9007199254740993":1}`; err != nil || string(keyed) != want {
		t.Errorf("as a map's key = %s, %v; want %s", keyed, err, want)
	}
}

func TestPositionJSONRefuses(t *testing.T) {
	for _, text := range []string{
		`null`, `{}`, `[]`, `"C:1/P:2"`, `1`, `{"commit":"1"}`, `{"prepare":"1"}`,
		`{"commit":1,"prepare":2}`, `{"commit":1.5,"prepare":"2"}`, `{"commit":"1","prepare":2e3}`,
		`{"commit":null,"prepare":"2"}`, `{"commit":"01","prepare":"2"}`, `{"commit":"","prepare":"2"}`,
		`{"commit":"1","prepare":"18446744073709551616"}`, `{"commit":["1"],"prepare":"2"}`,
	} {
		p := driver.Position{Commit: 7, Prepare: 7}
		err := json.Unmarshal([]byte(text), &p)
		if !errors.Is(err, driver.ErrInvalidPosition) {
			t.Errorf("Unmarshal(%s): %v, want ErrInvalidPosition", text, err)
		}
		if p != (driver.Position{Commit: 7, Prepare: 7}) {
			t.Errorf("Unmarshal(%s) changed the position to %v", text, p)
		}
	}
}
