package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/checkpointstore/checkpoint/driver"
)

// An attempt is one call that should find or change the checkpoint at key, on
// an engine that may fail. Its error is nil if the call did so, and errNothing
// if the call found or changed nothing.
type attempt struct {
	name string
	run  func(ctx context.Context, d driver.Driver, key string) error
}

var (
	errNothing = errors.New("the answer was that there is nothing")
	// errShape is for an answer that no driver may give.
	errShape = errors.New("the answer breaks the contract")
)

// attempts returns attempts for every method that the driver has, except those
// that change leases.
func (c *client) attempts() []attempt {
	all := slices.Clone(attemptsOfAll)
	if inspecting.has(c.driver) {
		all = append(all, attempt{"Inspect", attemptInspect}, attempt{"ScanCells", attemptScanCells})
	}
	if implements[driver.LeaseReader](c.driver) {
		all = append(all, attempt{"Leases", attemptLeases})
	}
	if fencing.has(c.driver) {
		all = append(all, attempt{"RaiseFence", attemptRaiseFence})
	}
	if auditing.has(c.driver) {
		all = append(all, attempt{"History", attemptHistory})
	}
	if sampling.has(c.driver) {
		all = append(all, attempt{"Samples", attemptSamples})
	}
	if adopting.has(c.driver) {
		all = append(all, attempt{"Adopt", attemptAdopt})
	}
	if reporting.has(c.driver) {
		all = append(all, attempt{"Report", attemptReport}, attempt{"Reports", attemptReports})
	}
	return all
}

var attemptsOfAll = []attempt{
	{"Get", attemptGet},
	{"Set", attemptWrite(set("", 3, 0))},
	{"Set with an epoch", attemptWrite(fenced(1, set("", 3, 0)))},
	{"IfNewer", attemptWrite(ifNewer("", 1<<60, 0))},
	{"Rewind", attemptWrite(rewind("", 3, 0))},
	{"Touch", attemptWrite(touch("", far))},
	{"Scan", attemptScan},
	{"ScanRecords", attemptScanRecords},
	{"Delete", attemptDelete},
}

func attemptGet(ctx context.Context, d driver.Driver, key string) error {
	records, err := d.Get(ctx, []string{key, key})
	switch {
	case err != nil && records != nil:
		return fmt.Errorf("%w: %d records beside the error %w", errShape, len(records), err)
	case err != nil:
		return err
	case len(records) != 2:
		return fmt.Errorf("%w: %d records for 2 keys", errShape, len(records))
	}
	return errors.Join(records[0].Err, records[1].Err)
}

func attemptWrite(w driver.Write) func(context.Context, driver.Driver, string) error {
	return func(ctx context.Context, d driver.Driver, key string) error {
		w := w
		w.Key = key
		_, err := tryWrite(ctx, d, w)
		return err
	}
}

// tryWrite makes one write. If the whole call failed, the outcome is Unknown.
func tryWrite(ctx context.Context, d driver.Driver, w driver.Write) (driver.Outcome, error) {
	results, err := d.Write(ctx, []driver.Write{w})
	switch {
	case err != nil && results != nil:
		return driver.Unknown, fmt.Errorf("%w: %d results beside the error %w", errShape, len(results), err)
	case err != nil:
		return driver.Unknown, err
	case len(results) != 1:
		return driver.Unknown, fmt.Errorf("%w: %d results for 1 write", errShape, len(results))
	}
	r := results[0]
	if answered := r.Outcome != driver.Failed && r.Outcome != driver.Unknown; answered == (r.Err != nil) {
		return r.Outcome, fmt.Errorf("%w: outcome %s", errShape, outcome(r))
	}
	return r.Outcome, r.Err
}

func attemptDelete(ctx context.Context, d driver.Driver, key string) error {
	n, err := d.Delete(ctx, []string{key})
	switch {
	case n < 0 || n > 1:
		return fmt.Errorf("%w: %d of 1 key deleted, error %w", errShape, n, err)
	case err == nil && n == 0:
		return errNothing
	}
	return err
}

func attemptScan(ctx context.Context, d driver.Driver, key string) error {
	return attemptPages(key, d.Scan(ctx, "*", 3), func(k string) (string, error) { return k, nil })
}

func attemptScanRecords(ctx context.Context, d driver.Driver, key string) error {
	return attemptPages(key, driver.ScanRecords(ctx, d, "*", 3),
		func(r driver.Record) (string, error) { return r.Key, r.Err })
}

func attemptInspect(ctx context.Context, d driver.Driver, key string) error {
	cells, err := driver.Inspect(ctx, d, []string{key})
	switch {
	case err != nil && cells != nil:
		return fmt.Errorf("%w: %d cells beside the error %w", errShape, len(cells), err)
	case err != nil:
		return err
	}
	return recordOf(cells[0]).Err
}

func attemptScanCells(ctx context.Context, d driver.Driver, key string) error {
	return attemptPages(key, driver.ScanCells(ctx, d, "*", 3),
		func(c driver.Cell) (string, error) { return c.Key, c.Checkpoint.Err })
}

func attemptLeases(ctx context.Context, d driver.Driver, key string) error {
	leases, err := driver.LeasesOf(ctx, d, []string{key})
	if err == nil && !leases[0].Exists() && leasing.has(d) {
		return errNothing
	}
	return besideError(len(leases), err)
}

func attemptRaiseFence(ctx context.Context, d driver.Driver, key string) error {
	fence, err := d.(driver.Fencer).RaiseFence(ctx, key, 3)
	switch {
	case err != nil && fence != 0:
		return fmt.Errorf("%w: the fence %d beside the error %w", errShape, fence, err)
	case err == nil && fence < 3:
		return fmt.Errorf("%w: a fence of at least 3 is at %d", errShape, fence)
	}
	return err
}

func attemptHistory(ctx context.Context, d driver.Driver, key string) error {
	entries, err := driver.History(ctx, d, key, 1)
	return someOrError(len(entries), err)
}

func attemptSamples(ctx context.Context, d driver.Driver, key string) error {
	samples, err := driver.SamplesOf(ctx, d, key)
	return someOrError(len(samples), err)
}

func attemptAdopt(ctx context.Context, d driver.Driver, key string) error {
	return driver.Adopt(ctx, d, key, kept.entries, kept.samples)
}

func attemptReport(ctx context.Context, d driver.Driver, key string) error {
	results, err := driver.ReportTo(ctx, d, []driver.Report{{Key: key, Instance: "a", Text: "at work", TTL: far}})
	switch {
	case err != nil:
		return besideError(len(results), err)
	case len(results) != 1:
		return fmt.Errorf("%w: %d results for 1 report", errShape, len(results))
	}
	return results[0].Err
}

func attemptReports(ctx context.Context, d driver.Driver, key string) error {
	reports, err := driver.ReportsOf(ctx, d, []string{key})
	if err != nil {
		return besideError(len(reports), err)
	}
	return someOrError(len(reports[0]), nil)
}

// someOrError does what besideError does. If there is no error, there must be items.
func someOrError(items int, err error) error {
	if err == nil && items == 0 {
		return errNothing
	}
	return besideError(items, err)
}

// besideError returns err. There must be no items beside it.
func besideError(items int, err error) error {
	if err != nil && items > 0 {
		return fmt.Errorf("%w: %d items beside the error %w", errShape, items, err)
	}
	return err
}

func attemptPages[T any](key string, pages iter.Seq2[[]T, error], item func(T) (string, error)) error {
	var keys []string
	var last error
	for page, err := range pages {
		if last != nil {
			return fmt.Errorf("%w: a pair after the one with the error %w", errShape, last)
		}
		if err != nil && page != nil {
			return fmt.Errorf("%w: a page of %d beside the error %w", errShape, len(page), err)
		}
		for _, t := range page {
			k, err := item(t)
			if err != nil {
				return err
			}
			keys = append(keys, k)
		}
		last = err
	}
	if last == nil && !slices.Contains(keys, key) {
		return errNothing
	}
	return last
}

// judge checks the error of an attempt that cannot have succeeded.
func (c *client) judge(name string, err error) bool {
	c.Helper()
	switch {
	case err == nil:
		c.Errorf("%s: no error", name)
	case errors.Is(err, errNothing):
		c.Errorf("%s: %v, and no error", name, err)
	case errors.Is(err, errShape):
		c.Errorf("%s: %v", name, err)
	case slices.ContainsFunc(sentinels, func(s error) bool { return errors.Is(err, s) }):
		c.Errorf("%s: %v: this error says something else", name, err)
	default:
		return true
	}
	return false
}
