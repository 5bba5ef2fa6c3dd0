package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
)

// Harness says how to reach an engine. If a function is missing, the cases that need it
// fail, except those that Except names. The cases that wait for an expiry run in parallel:
// all functions except Outage must be safe for concurrent use. The suite gives a case up
// after two minutes.
type Harness struct {
	// Open returns a driver over an empty store that no other test uses, and
	// closes the driver through tb.Cleanup. The case may have closed it
	// already.
	Open func(tb testing.TB) driver.Driver

	// Reopen returns a second driver over the same stored data as d, as another
	// process would open it. It closes the second driver through tb.Cleanup.
	// After that, d still works.
	Reopen func(tb testing.TB, d driver.Driver) driver.Driver

	// Damage overwrites the checkpoint stored at key with something that is no
	// checkpoint. It uses the engine's own means, and leaves the key's fence and
	// lease.
	Damage func(tb testing.TB, d driver.Driver, key string)

	// DamageFence does the same to the fence of key, and DamageLease to its
	// lease. DamageLease may be nil if the driver has no leases.
	DamageFence func(tb testing.TB, d driver.Driver, key string)
	DamageLease func(tb testing.TB, d driver.Driver, key string)

	// Outage makes the engine fail, or cuts it off from d, until restore is
	// called. restore returns once the engine is ready for a new driver. The
	// stored data must survive the outage. No other case runs meanwhile.
	Outage func(tb testing.TB, d driver.Driver) (restore func())

	// Except names the cases that cannot hold on this engine, each with the
	// reason. The suite does not run such a case, and logs the reason.
	Except map[string]string
}

// Run runs every case as a subtest of t.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, mistake := range h.mistakes() {
		t.Error(mistake)
	}
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			if reason, ok := h.Except[c.Name]; ok {
				t.Logf("not run: %s\nThe rule that is not checked: %s", reason, c.Rule)
				return
			}
			if c.waits {
				t.Parallel()
			}
			c.Run(t, h)
		})
	}
}

// mistakes returns what is wrong with the exceptions.
func (h Harness) mistakes() []string {
	known := make(map[string]bool)
	for _, c := range Cases() {
		known[c.Name] = true
	}
	var wrong []string
	for name, reason := range h.Except {
		if !known[name] {
			wrong = append(wrong, fmt.Sprintf("Harness.Except names %q, which is no case: remove it, or mend its name", name))
		}
		if strings.TrimSpace(reason) == "" {
			wrong = append(wrong, fmt.Sprintf("Harness.Except gives no reason for %q: say why it cannot hold on this engine", name))
		}
	}
	return wrong
}
