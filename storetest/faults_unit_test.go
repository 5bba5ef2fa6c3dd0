package storetest_test

import (
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// An engine that counts in whole seconds, at least two.
var unitFaults = []fault{
	{
		"counts in seconds and cuts the TTL of a checkpoint",
		[]string{"expiry/whole"},
		coarse(cut, roundedUp, func(*driver.Lease, time.Duration) {}),
	},
	{
		"counts in seconds and cuts a lease",
		[]string{"lease/whole"},
		coarse(roundedUp, cut, func(*driver.Lease, time.Duration) {}),
	},
	{
		"cuts a lease to seconds and says that it is longer",
		[]string{"lease/whole"},
		coarse(roundedUp, cut, func(l *driver.Lease, asked time.Duration) { l.TTL = roundedUp(asked) }),
	},
	{
		"counts in seconds and returns the TTL of a lease that was asked for",
		[]string{"lease/whole"},
		coarse(roundedUp, roundedUp, func(l *driver.Lease, asked time.Duration) { l.TTL = asked }),
	},
	{
		"grants less than its own minimum",
		[]string{"lease/expires-by-itself"},
		coarse(roundedUp, func(ttl time.Duration) time.Duration { return ttl.Truncate(time.Second) + time.Second },
			func(*driver.Lease, time.Duration) {}),
	},
}

// inSeconds is a sound driver that counts in seconds.
var inSeconds = coarse(roundedUp, roundedUp, func(*driver.Lease, time.Duration) {})

func roundedUp(ttl time.Duration) time.Duration {
	if ttl == 0 {
		return 0
	}
	return max((ttl + time.Second - 1).Truncate(time.Second), 2*time.Second)
}

func cut(ttl time.Duration) time.Duration { return ttl.Truncate(time.Second) }

// coarse counts in seconds. It rounds the TTLs of checkpoints and of leases, and
// changes the lease that it returns.
func coarse(checkpoint, lease func(time.Duration) time.Duration, says func(l *driver.Lease, asked time.Duration)) func(*faulty) {
	return func(f *faulty) {
		f.unit = [2]time.Duration{time.Second, 2 * time.Second}
		given(func(_ *cell.Cell, w *driver.Write) { w.TTL = checkpoint(w.TTL) })(f)
		for _, rule := range []func(*rules) *leaseRule{acquire, renew} {
			sound := *rule(&f.rule)
			*rule(&f.rule) = func(c cell.Cell, l driver.Lease, now time.Time) (cell.Cell, driver.LeaseResult) {
				asked := l.TTL
				l.TTL = lease(asked)
				c, r := sound(c, l, now)
				if r.Err == nil {
					says(&r.Lease, asked)
				}
				return c, r
			}
		}
	}
}
