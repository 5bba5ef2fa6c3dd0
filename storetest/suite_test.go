package storetest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint/storetest"
)

func faults() []fault {
	return slices.Concat(
		positionFaults, timeFaults, logIDFaults,
		ttlFaults, unitFaults, touchFaults,
		fenceFaults, rewindFaults, raiseFaults, releaseFencesFaults,
		auditFaults, sampleFaults, adoptFaults,
		leaseFaults, leaseBatchFaults, notifyFaults, reportFaults, groupFaults,
		damageFaults, damagedFenceFaults, damagedLeaseFaults,
		readFaults, keyFaults, scanFaults, recordFaults, inspectFaults,
		batchFaults, sliceFaults, concurrencyFaults, sharedFaults,
		contextFaults, outageFaults, closeFaults,
	)
}

// The drivers here differ from the broken ones by the fault alone.
func TestSoundDriverPasses(t *testing.T) {
	for name, plant := range map[string]func(*faulty){"": func(*faulty) {}, "in seconds/": inSeconds} {
		for _, c := range storetest.Cases() {
			t.Run(name+c.Name, func(t *testing.T) {
				t.Parallel()
				if r := observeInBubble(t, c, harness(plant)); r.Failed() {
					t.Errorf("a sound driver fails:\n%s", r.output())
				}
			})
		}
	}
}

func TestBrokenDriversAreCaught(t *testing.T) {
	cases := make(map[string]storetest.Case)
	for _, c := range storetest.Cases() {
		cases[c.Name] = c
	}
	for _, f := range faults() {
		if len(f.caught) == 0 {
			t.Errorf("the driver that %s is caught by no case", f.name)
		}
		for _, name := range f.caught {
			c, ok := cases[name]
			if !ok {
				t.Errorf("the driver that %s is to be caught by %q, which is no case", f.name, name)
				continue
			}
			t.Run(f.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				r := observeInBubble(t, c, harness(f.plant))
				if !r.Failed() {
					t.Fatalf("the driver that %s passes", f.name)
				}
				if !strings.Contains(r.output(), c.Rule) {
					t.Errorf("the failure does not say what the rule is:\n%s", r.output())
				}
				t.Log(r.output())
			})
		}
	}
}

// A case that no broken driver fails may check nothing.
func TestEveryCaseCatchesABrokenDriver(t *testing.T) {
	caught := make(map[string]bool)
	for _, f := range faults() {
		for _, name := range f.caught {
			caught[name] = true
		}
	}
	for _, c := range storetest.Cases() {
		if !caught[c.Name] {
			t.Errorf("no broken driver shows that %s catches one", c.Name)
		}
	}
}

// observeInBubble is observe where waiting costs no time. It waits, at the end,
// for what a broken driver has left hanging.
func observeInBubble(t *testing.T, c storetest.Case, h storetest.Harness) (r *recorder) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r = observe(t, c, h)
		time.Sleep(48 * time.Hour)
	})
	return r
}
