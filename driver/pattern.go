package driver

import "strings"

// MatchPattern reports whether key matches pattern, byte for byte as Redis
// matches the MATCH of a SCAN:
//
//   - `*` matches any run of bytes, even an empty one; `?` matches any one byte;
//   - `[abc]` matches one of these bytes, `[a-z]` one byte of a range (its ends in
//     either order), and `[^...]` one byte that is not in the class; a class that
//     is not closed ends with the pattern;
//   - `\` takes the byte after it literally, also within a class.
//
// Matching is by bytes: one `?` does not match a letter of two bytes.
// The bytes at the ends of a range compare as signed, as they do in Redis on
// x86: keep them ASCII. No pattern is malformed. The key is never empty.
func MatchPattern(pattern, key string) bool {
	// The place of the last star, and how much of key it has swallowed so far.
	star, swallowed := -1, 0
	p, k := 0, 0
	for k < len(key) {
		if p < len(pattern) && pattern[p] == '*' {
			star, swallowed = p, k
			p++
			continue
		}
		if p < len(pattern) {
			if next, ok := matchByte(pattern, p, key[k]); ok {
				p = next
				k++
				continue
			}
		}
		if star < 0 {
			return false
		}
		swallowed++
		p, k = star+1, swallowed
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchByte matches b with the single-byte element of pattern that starts at
// p, and returns where the next element starts.
func matchByte(pattern string, p int, b byte) (next int, ok bool) {
	switch pattern[p] {
	case '?':
		return p + 1, true
	case '[':
		return matchClass(pattern, p+1, b)
	case '\\':
		if p+1 < len(pattern) {
			p++
		}
	}
	return p + 1, pattern[p] == b
}

func matchClass(pattern string, p int, b byte) (next int, ok bool) {
	negated := p < len(pattern) && pattern[p] == '^'
	if negated {
		p++
	}
	matched := false
	for ; p < len(pattern) && pattern[p] != ']'; p++ {
		switch left := len(pattern) - p; {
		case pattern[p] == '\\' && left >= 2:
			p++
			matched = matched || pattern[p] == b
		case left >= 3 && pattern[p+1] == '-':
			lo, hi := int8(pattern[p]), int8(pattern[p+2])
			lo, hi = min(lo, hi), max(lo, hi)
			p += 2
			matched = matched || lo <= int8(b) && int8(b) <= hi
		default:
			matched = matched || pattern[p] == b
		}
	}
	return min(p+1, len(pattern)), matched != negated
}

// QuotePattern returns a pattern that matches s and nothing else, for building
// a pattern out of text that may hold glob characters.
func QuotePattern(s string) string {
	return patternQuoter.Replace(s)
}

var patternQuoter = strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `\`, `\\`)

// LiteralPrefix returns the literal text with which every key that matches pattern
// begins.
func LiteralPrefix(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '*', '?', '[':
			return b.String()
		case '\\':
			if i+1 < len(pattern) {
				i++
			}
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}
