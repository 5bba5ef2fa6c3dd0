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

	waits bool // spends its time waiting for an expiry, and shares nothing
	run   func(*client)
}

// Cases returns every case, by topic.
func Cases() []Case {
	return slices.Concat(
		positionCases,
		updatedAtCases,
		logIDCases,
		fenceCases,
		rewindCases,
		ttlCases,
		expiryCases,
		touchCases,
		damageCases,
		getCases,
		deleteCases,
		batchCases,
		sliceCases,
		keyCases,
		scanCases,
		patternCases,
		concurrencyCases,
		sharedCases,
		contextCases,
		outageCases,
		closeCases,
		storeCases,
		causeCases,
		leaseCases,
	)
}

const (
	// caseLimit ends a case whose engine is slow beyond use.
	caseLimit = 2 * time.Minute
	// patience is how long the suite waits for what must happen soon.
	patience = 30 * time.Second
)

var errCaseLimit = errors.New("storetest: the case was given up after " + caseLimit.String())

// Run runs the case alone, without regard to h.Except.
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
	c.run(&client{TB: tb, harness: h, ctx: ctx, driver: h.Open(tb)})
}
