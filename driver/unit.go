package driver

import (
	"math"
	"time"
)

// A TTLUnit is a Driver whose engine counts time in longer units than milliseconds. It
// rounds each TTL up, never down, so nothing ends before its TTL. A [Lease] that it grants
// or renews carries the TTL that was granted.
type TTLUnit interface {
	// TTLUnit returns the unit in which the engine counts expiry and leases, and the
	// shortest TTL that it grants. Both are whole milliseconds, and minimum is a whole
	// number of units.
	TTLUnit() (unit, minimum time.Duration)
}

// UnitOf returns d's own unit and minimum if d is a [TTLUnit], otherwise a millisecond
// for both.
func UnitOf(d Driver) (unit, minimum time.Duration) {
	if u, ok := d.(TTLUnit); ok {
		return u.TTLUnit()
	}
	return time.Millisecond, time.Millisecond
}

// RoundTTL returns the TTL that d grants if it is asked for ttl: a whole number of
// units, and the minimum at least. Zero, which is no TTL, stays zero.
func RoundTTL(d Driver, ttl time.Duration) time.Duration {
	if ttl == 0 {
		return 0
	}
	unit, minimum := UnitOf(d)
	whole := ttl.Truncate(unit)
	if whole < ttl && whole <= math.MaxInt64-unit {
		whole += unit
	}
	return max(whole, minimum)
}
