package driver_test

import (
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
)

func TestMatchPattern(t *testing.T) {
	tests := []struct {
		pattern string
		match   []string
		differ  []string
	}{
		{"", nil, []string{"a"}},
		{"*", []string{"a", "a:b/c", "*", "\\", "é"}, nil},
		{"**", []string{"a", "ab"}, nil},
		{"a", []string{"a"}, []string{"A", "aa", "b", "ba"}},
		{"a*", []string{"a", "ab", "a*"}, []string{"b", "ba"}},
		{"*a", []string{"a", "ba", "aa"}, []string{"ab"}},
		{"a*b*c", []string{"abc", "aXbYc", "abbcc", "abcbc"}, []string{"abcb", "acb"}},
		{"order-*/?", []string{"order-/1", "order-x/y/z"}, []string{"order-x/", "order-1"}},
		{"?", []string{"a", "?"}, []string{"ab", "é"}},
		{"??", []string{"é", "ab"}, []string{"a"}},
		{"[ab]", []string{"a", "b"}, []string{"c", "ab", "[ab]"}},
		{"[^ab]", []string{"c", "^"}, []string{"a", "b", "cc"}},
		{"[a-c]x", []string{"ax", "bx", "cx"}, []string{"dx", "-x"}},
		{"[c-a]x", []string{"ax", "bx", "cx"}, []string{"dx"}},
		{"[a-]", []string{"a", "]", "_"}, []string{"-", "b"}}, // a range down to the bracket, never closed
		{"[]a]", nil, []string{"]", "a", "]a]"}},
		{"[a", []string{"a"}, []string{"b", "[a"}},
		{"[", nil, []string{"[", "a"}},
		{"[^", []string{"a", "^"}, []string{"ab"}},
		{`[\]]`, []string{"]"}, []string{`\`, "a"}},
		{`[\a-z]`, []string{"a", "-", "z"}, []string{"b", `\`}},
		{`\*`, []string{"*"}, []string{"a", `\*`, `\a`}},
		{`\a`, []string{"a"}, []string{`\a`}},
		{`\`, []string{`\`}, []string{"a"}},
		{`a\`, []string{`a\`}, []string{"a"}},
		{`\\`, []string{`\`}, []string{`\\`}},
		{"{a,b}", []string{"{a,b}"}, []string{"a", "b"}},
	}
	for _, test := range tests {
		for _, key := range test.match {
			if !driver.MatchPattern(test.pattern, key) {
				t.Errorf("MatchPattern(%q, %q) = false", test.pattern, key)
			}
		}
		for _, key := range test.differ {
			if driver.MatchPattern(test.pattern, key) {
				t.Errorf("MatchPattern(%q, %q) = true", test.pattern, key)
			}
		}
	}
}

// A naive matcher takes longer than anybody waits for this.
func TestMatchPatternIsNotExponential(t *testing.T) {
	pattern := strings.Repeat("a*", 250) + "b"
	if driver.MatchPattern(pattern, strings.Repeat("a", 512)) {
		t.Error("matched a key without b")
	}
}

func FuzzQuotePattern(f *testing.F) {
	for _, seed := range []string{"a", "*", "[a-z]", `\`, "a]b", "?", "é*"} {
		f.Add(seed, seed+"x")
	}
	f.Fuzz(func(t *testing.T, key, other string) {
		if key == "" || other == "" {
			return
		}
		quoted := driver.QuotePattern(key)
		if !driver.MatchPattern(quoted, key) {
			t.Errorf("QuotePattern(%q) = %q does not match it", key, quoted)
		}
		if other != key && driver.MatchPattern(quoted, other) {
			t.Errorf("QuotePattern(%q) = %q matches %q", key, quoted, other)
		}
	})
}
