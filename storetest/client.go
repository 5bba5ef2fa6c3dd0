package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A client is a driver and the test that uses it. A method of a client ends the
// test if the driver does not do what the method checks.
type client struct {
	testing.TB
	harness Harness
	ctx     context.Context
	driver  driver.Driver
}

// another returns a second client of the same stored data.
func (c *client) another() *client {
	c.Helper()
	if c.harness.Reopen == nil {
		c.Fatal("Harness.Reopen is nil: supply a function that opens a second driver over the same data, " +
			"or give the reason why there can be none in Harness.Except")
	}
	second := *c
	second.driver = c.harness.Reopen(c.TB, c.driver)
	return &second
}

// damage damages one part of key. The part is named by its error.
func (c *client) damage(key string, part error) {
	c.Helper()
	name, damage := "Damage", c.harness.Damage
	switch {
	case errors.Is(part, driver.ErrCorruptFence):
		name, damage = "DamageFence", c.harness.DamageFence
	case errors.Is(part, driver.ErrCorruptLease):
		name, damage = "DamageLease", c.harness.DamageLease
	}
	if damage == nil {
		c.Fatalf("Harness.%s is nil: supply a function that overwrites what is stored with something else, "+
			"or give the reason why nothing can in Harness.Except", name)
	}
	damage(c.TB, c.driver, key)
}

func (c *client) outage() (restore func()) {
	c.Helper()
	if c.harness.Outage == nil {
		c.Fatal("Harness.Outage is nil: supply a function that makes the engine fail for a while, " +
			"or give the reason why it never can in Harness.Except")
	}
	return c.harness.Outage(c.TB, c.driver)
}

// results sends a batch and returns the results. Each result may be an error.
func (c *client) results(writes ...driver.Write) []driver.Result {
	c.Helper()
	results, err := c.driver.Write(c.ctx, writes)
	if err != nil {
		c.Fatalf("Write of %d writes: %v", len(writes), err)
	}
	if len(results) != len(writes) {
		c.Fatalf("Write answered %d writes with %d results", len(writes), len(results))
	}
	for i, r := range results {
		if answered := r.Outcome != driver.Failed && r.Outcome != driver.Unknown; answered == (r.Err != nil) {
			c.Fatalf("%s: outcome %s with error %v; an answer has none, Failed and Unknown have one",
				describe(writes[i]), outcome(r), r.Err)
		}
	}
	return results
}

// gets sends one write and checks its outcome.
func (c *client) gets(want driver.Outcome, w driver.Write) driver.Result {
	c.Helper()
	r := c.results(w)[0]
	if r.Outcome != want {
		c.Fatalf("%s: %s, want %s", describe(w), outcome(r), outcome(driver.Result{Outcome: want}))
	}
	return r
}

// put sends writes. Each write must store its position.
func (c *client) put(writes ...driver.Write) {
	c.Helper()
	for i, r := range c.results(writes...) {
		if r.Outcome != driver.Advanced {
			c.Fatalf("%s: %s, want Advanced", describe(writes[i]), outcome(r))
		}
	}
}

// fails sends a write that must fail for the reason want and for no other
// reason.
func (c *client) fails(want error, w driver.Write) {
	c.Helper()
	r := c.results(w)[0]
	if r.Outcome != driver.Failed {
		c.Fatalf("%s: %s, want Failed with: %v", describe(w), outcome(r), want)
	}
	c.isOnly(want, r.Err, describe(w))
}

var sentinels = []error{
	driver.ErrNotFound, driver.ErrCorruptCheckpoint, driver.ErrCorruptFence, driver.ErrCorruptLease, driver.ErrCorrupt,
	driver.ErrClosed, driver.ErrEpochExhausted, driver.ErrLeaseHeld, driver.ErrFenced, driver.ErrUnsupported,
}

// corruption is the error of each part of a cell.
var corruption = map[string]error{
	"checkpoint": driver.ErrCorruptCheckpoint, "fence": driver.ErrCorruptFence, "lease": driver.ErrCorruptLease,
}

// isOnly checks that err wraps want and none of the errors that mean something
// else. If want has a remedy, err must carry it.
func (c *client) isOnly(want, err error, what string) {
	c.Helper()
	if !errors.Is(err, want) {
		c.Fatalf("%s: error %v, want one that wraps: %v", what, err, want)
	}
	if got, hint := driver.Hint(err), driver.Hint(want); hint != "" && got == "" {
		c.Fatalf("%s: error %v carries no remedy, want: %s", what, err, hint)
	}
	for _, other := range sentinels {
		if !errors.Is(want, other) && errors.Is(err, other) {
			c.Fatalf("%s: error %v wraps both %q and %q", what, err, want, other)
		}
	}
}

// within runs f, which must not end the test. The test fails if f does not
// return.
func (c *client) within(what string, f func()) {
	c.Helper()
	c.returns(patience, what, f)
}

// promptly does what within does, for a call whose context ends.
func (c *client) promptly(what string, f func()) {
	c.Helper()
	c.returns(promptness, what, f)
}

func (c *client) returns(limit time.Duration, what string, f func()) {
	c.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		c.Fatalf("%s has not returned after %v", what, limit)
	}
}

// eventually polls ok.
func (c *client) eventually(what string, ok func() bool) {
	c.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			c.Fatalf("after %v still not so: %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func describe(w driver.Write) string {
	mode := map[driver.Mode]string{
		driver.Set: "Set", driver.IfNewer: "IfNewer", driver.Rewind: "Rewind", driver.Touch: "Touch",
	}[w.Mode]
	s := fmt.Sprintf("%s %q %s", mode, w.Key, position(w.Position))
	if w.Epoch != 0 {
		s += fmt.Sprintf(" epoch %d", w.Epoch)
	}
	if w.LogID != "" {
		s += fmt.Sprintf(" log %q", w.LogID)
	}
	if w.TTL != 0 {
		s += fmt.Sprintf(" TTL %v", w.TTL)
	}
	return s
}

func position(p driver.Position) string { return fmt.Sprintf("%d/%d", p.Commit, p.Prepare) }

func outcome(r driver.Result) string {
	s := map[driver.Outcome]string{
		driver.Unknown: "Unknown", driver.Failed: "Failed", driver.Advanced: "Advanced",
		driver.Unchanged: "Unchanged", driver.Stale: "Stale", driver.Fenced: "Fenced",
	}[r.Outcome]
	if s == "" {
		s = fmt.Sprintf("outcome %d", r.Outcome)
	}
	if r.Err != nil {
		s += fmt.Sprintf(" (%v)", r.Err)
	}
	return s
}
