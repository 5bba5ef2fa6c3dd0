package checkpoint

import "github.com/checkpointstore/checkpoint/driver"

// A Position is a place in a log: {Commit, Prepare}, the last event that was
// processed, never the next to read. Positions are ordered by Commit, then by
// Prepare. Its methods are those of [driver.Position].
type Position = driver.Position

// ParsePosition reads the text of a position: "C:12/P:34", "12@34", "12/34",
// "12-34", or "12", which is {12, 12}. Numbers are decimal, from 0 to 2^64-1,
// without sign, space or leading zero; anything else is [ErrInvalidPosition].
func ParsePosition(s string) (Position, error) { return driver.ParsePosition(s) }

// MatchPattern reports whether key matches pattern, byte for byte as Redis
// matches keys: see [driver.MatchPattern].
func MatchPattern(pattern, key string) bool { return driver.MatchPattern(pattern, key) }

// QuotePattern returns a pattern that matches s and nothing else, for building
// a pattern out of text that may hold glob characters.
func QuotePattern(s string) string { return driver.QuotePattern(s) }
