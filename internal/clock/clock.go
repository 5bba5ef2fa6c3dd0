// Package clock reads the wall clock, which goes on while a machine is suspended. The
// monotonic clock, by which timers run, stands still meanwhile.
package clock

import (
	"sync/atomic"
	"time"
)

var slept atomic.Int64

// Wall is what the wall clock says at now, which time.Now has just returned.
func Wall(now time.Time) time.Time { return now.Round(0).Add(time.Duration(slept.Load())) }

// Suspend is for tests: the wall clock goes on by d, and the monotonic clock does not.
func Suspend(d time.Duration) { slept.Add(int64(d)) }
