// Package clock reads the wall clock, which goes on while a machine is suspended. The
// monotonic clock, which drives timers, stands still meanwhile.
package clock

import (
	"sync/atomic"
	"time"
)

var slept atomic.Int64

// Wall returns the wall clock's time at now, which time.Now has just returned.
func Wall(now time.Time) time.Time { return now.Round(0).Add(time.Duration(slept.Load())) }

// Suspend is for tests: it moves the wall clock on by d, and not the monotonic clock.
func Suspend(d time.Duration) { slept.Add(int64(d)) }
