package groups

import (
	"time"

	"golang.org/x/sys/unix"
)

// An instant is a time by the machine's monotonic clock, in nanoseconds. All processes
// have the same clock, and nobody sets it.
type instant int64

func now() instant {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // every kernel has the clock
	}
	return instant(t.Nano())
}

func (i instant) add(d time.Duration) instant       { return i + instant(d) }
func (i instant) since(other instant) time.Duration { return time.Duration(i - other) }
