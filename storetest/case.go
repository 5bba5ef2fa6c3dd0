package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// A Case checks one rule.
type Case struct {
	Name string // "topic/case"
	Rule string // what every driver promises, in words

	needs *ability // nil: every driver has what it takes
	waits bool     // waits for an expiry most of the time, and shares nothing
	run   func(*client)
}

// Cases returns every case, in the order of the groups of the package comment.
func Cases() []Case {
	return slices.Concat(
		// what a write leaves
		positionCases, updatedAtCases, logIDCases,
		// how long a checkpoint lives
		ttlCases, expiryCases, touchCases,
		// who may write
		fenceCases, rewindCases, raiseCases, releaseFencesCases,
		// who has changed what, and where the key stood
		auditCases, sampleCases, adoptCases,
		// who is at work
		grantCases, endOfLeaseCases, leaseBatchCases, notifyCases, reportCases, groupCases,
		// what is damaged
		damageCases, damagedFenceCases, damagedLeaseCases,
		// what is there
		getCases, deleteCases, keyCases, scanCases, patternCases, inspectCases,
		// many at once
		batchCases, sliceCases, concurrencyCases, sharedCases,
		// what fails
		contextCases, outageCases, closeCases,
		// a Store over the driver
		storeCases, causeCases,
	)
}

const (
	// caseLimit ends a case whose engine is too slow to use.
	caseLimit = 2 * time.Minute
	// patience is how long the suite waits for something that must happen soon.
	patience = 30 * time.Second
	// promptness is how long a call may last whose context ends, on a slow machine, too.
	promptness = 10 * time.Second
)

var errCaseLimit = errors.New("storetest: the case was given up after " + caseLimit.String())

// Run runs this case alone. It ignores h.Except.
func (c Case) Run(tb testing.TB, h Harness) {
	tb.Helper()
	defer func() {
		if tb.Failed() {
			tb.Logf("The rule that %s checks: %s", c.Name, c.Rule)
		}
	}()
	if h.Open == nil {
		tb.Fatal("Harness.Open is nil: supply a function that returns a driver over an empty store")
	}
	ctx, cancel := context.WithTimeoutCause(tb.Context(), caseLimit, errCaseLimit)
	defer cancel()
	by := &client{TB: tb, harness: h, ctx: ctx, driver: h.Open(tb)}
	if !by.lacks(c.needs) {
		c.run(by)
	}
}
