package failover

import (
	"testing"
	"time"
)

func TestSentinel(t *testing.T) {
	t.Parallel()
	runFailovers(t, startSentinels(t))
}

func TestCluster(t *testing.T) {
	t.Parallel()
	runFailovers(t, startCluster(t))
}

func runFailovers(t *testing.T, top topology) {
	t.Helper()
	w := newWriters(t, top)
	consumers := []*consumer{startConsumer(t, "plain", top, top.durable()), startConsumer(t, "waits", top, true)}
	began, kinds := time.Now(), kindsOf(top)
	for n := range *failovers {
		k := kinds[n%len(kinds)]
		master := top.master()
		w.during(t, n, k, master, func() {
			// Something must have been stored to be lost.
			before := consumers[0].progress()
			until(t, "the consumer is at work", func() bool { return consumers[0].progress() > before })
			failOver(top, k, master, func() {
				if n%2 == 1 {
					for _, c := range consumers {
						c.crash()
					}
				}
			})
		})
		for _, c := range consumers {
			c.holds(w.plain)
		}
	}
	t.Logf("%d failovers in %v", *failovers, time.Since(began).Round(time.Second))
	w.report(t)
	for _, c := range consumers {
		c.end(w.plain)
	}
}
