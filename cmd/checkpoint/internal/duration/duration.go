// Package duration reads durations that may begin with days: "30d", "1d12h".
package duration

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Parse reads a duration.
func Parse(s string) (time.Duration, error) {
	unsigned, negative := strings.CutPrefix(s, "-")
	days, rest, ok := strings.Cut(unsigned, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration: want one such as 30d, 1d12h or 90m", s)
	}
	var total time.Duration
	if rest != "" {
		if total, err = time.ParseDuration(rest); err != nil || total < 0 || total >= day {
			return 0, fmt.Errorf("%q is not a duration: want one such as 30d, 1d12h or 90m", s)
		}
	}
	const most = uint64(1<<63-1) / uint64(day)
	if n >= most {
		return 0, fmt.Errorf("%q is too long: want %dd or less", s, most-1)
	}
	total += time.Duration(n) * day
	if negative {
		total = -total
	}
	return total, nil
}
