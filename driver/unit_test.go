package driver_test

import (
	"math"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

type coarse struct{ driver.Driver }

func (coarse) TTLUnit() (unit, minimum time.Duration) { return time.Second, 2 * time.Second }

func TestRoundTTL(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		d         driver.Driver
		ttl, want time.Duration
	}{
		{nil, 0, 0},
		{nil, ms, ms},
		{nil, 40 * ms, 40 * ms},
		{coarse{}, 0, 0},
		{coarse{}, ms, 2 * time.Second},
		{coarse{}, 2 * time.Second, 2 * time.Second},
		{coarse{}, 2*time.Second + ms, 3 * time.Second},
		{coarse{}, 2999 * ms, 3 * time.Second},
		{coarse{}, math.MaxInt64, time.Duration(math.MaxInt64).Truncate(time.Second)},
	} {
		if got := driver.RoundTTL(test.d, test.ttl); got != test.want {
			t.Errorf("%T grants %v if it is asked for %v, want %v", test.d, got, test.ttl, test.want)
		}
	}
}
