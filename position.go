package checkpoint

import "github.com/checkpointstore/checkpoint/driver"

// A Position is a place in a log: {Commit, Prepare} of the last event that was
// processed, never of the next event to read. Positions are ordered by Commit, then by
// Prepare. The zero Position stands before everything, in every log. Its methods are
// those of [driver.Position].
type Position = driver.Position

// Offset returns the position of the event at offset n in a log that numbers its events
// from 0, such as a Kafka partition. It is {n+1, n+1}, so that the zero Position stays
// before the first event. If n is the next offset to read, such as Kafka's committed
// offset, the last event processed is at Offset(n-1). For n = 0, Offset(n-1) is the zero
// Position. [Position.Offset] converts back.
func Offset(n uint64) Position { return driver.Offset(n) }

// ParsePosition reads the text of a position: "C:12/P:34", "12@34", "12/34", "12-34",
// "12" or "offset:12". "12" is {12, 12}, and "offset:12" is [Offset] of 12. Numbers are
// decimal, from 0 to 2^64-1 (an offset: to 2^64-2), without sign, space or leading zero.
// Any other text is [ErrInvalidPosition].
func ParsePosition(s string) (Position, error) { return driver.ParsePosition(s) }

// MatchPattern reports whether key matches pattern, byte for byte as Redis
// matches keys: see [driver.MatchPattern].
func MatchPattern(pattern, key string) bool { return driver.MatchPattern(pattern, key) }

// QuotePattern returns a pattern that matches s and nothing else, for building
// a pattern out of text that may hold glob characters.
func QuotePattern(s string) string { return driver.QuotePattern(s) }
