package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.Reporter = (*Driver)(nil)

var errNoReports = fmt.Errorf("%w: redisstore: a driver with Options.Prefix keeps no reports", driver.ErrUnsupported)

// Report implements [driver.Reporter]. With Options.MinReplicas or Options.FsyncAOF, a
// notice waits as every change does. The report of an instance does not wait, and may be
// lost.
func (d *Driver) Report(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
	if !d.fenced {
		return nil, errNoReports
	}
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	results := make([]driver.ReportResult, len(reports))
	key := func(i int) string { return reports[i].Key }
	eachRound(len(reports), maxReads, key, func(part []int) { d.report(ctx, reports, part, results) }, func([]int) {})
	return results, nil
}

// report stores those reports that are at the places in round.
func (d *Driver) report(ctx context.Context, reports []driver.Report, round []int, results []driver.ReportResult) {
	s := reportScript
	if slices.ContainsFunc(round, func(i int) bool { return reports[i].Instance == "" }) {
		s = noticeScript
	}
	replies := d.run(ctx, s, len(round), func(n int, to []any) []any {
		r := &reports[round[n]]
		return append(to, "1", d.reportsKey(r.Key), r.Instance, r.Text, strconv.FormatInt(r.TTL.Milliseconds(), 10))
	})
	for n, i := range round {
		notice, ok := replies[n].value.(string)
		if err := replies[n].err; err != nil || !ok {
			results[i].Err = cmp.Or(err, unexpected("the script", replies[n].value))
			continue
		}
		results[i].Notice = notice
		if reports[i].Instance == "" {
			results[i].Err = replies[n].doubt
		}
	}
}

// Reports implements [driver.Reporter].
func (d *Driver) Reports(ctx context.Context, keys []string) ([][]driver.Report, error) {
	if !d.fenced {
		return nil, errNoReports
	}
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	found := make([][]driver.Report, len(keys))
	err := inParallel(len(keys), maxInspect, maxReads, func(from, to int) error {
		return d.readReports(ctx, keys[from:to], found[from:to])
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// readReports reads the reports of keys. Outside a cluster, one call of the script reads
// them all, and only a master's word counts that there is none. In a cluster, a replica
// redirects.
func (d *Driver) readReports(ctx context.Context, keys []string, found [][]driver.Report) error {
	perCall, behind := len(keys), []command{query(ctx, "role")}
	if d.pipelines.cluster != nil {
		perCall, behind = 1, nil
	}
	calls := len(keys) / perCall
	replies := d.run(ctx, reportsScript, calls, func(i int, to []any) []any {
		to = append(to, perCall)
		for _, key := range keys[i*perCall : (i+1)*perCall] {
			to = append(to, d.reportsKey(key))
		}
		return to
	}, behind...)
	for i, r := range replies[:calls] {
		if err := d.decodeReports(r, keys[i*perCall:(i+1)*perCall], found[i*perCall:]); err != nil {
			return err
		}
	}
	if len(behind) > 0 {
		return requireMaster(replies[calls].value, replies[calls].err)
	}
	return nil
}

func (d *Driver) decodeReports(r reply, keys []string, found [][]driver.Report) error {
	answer, _ := r.value.([]any)
	if r.err != nil || len(answer) != 1+len(keys) {
		return cmp.Or(r.err, unexpected("the script", r.value))
	}
	text, _ := answer[0].(string)
	now, ok := milliseconds(text)
	if !ok {
		return unexpected("the script", r.value)
	}
	for i, key := range keys {
		fields, _ := answer[1+i].([]any)
		for pair := range slices.Chunk(fields, 2) {
			report, err := decodeReport(pair)
			if err != nil {
				return fmt.Errorf("redisstore: the reports at Redis key %q are damaged: %w", d.reportsKey(key), err)
			}
			if report.Key = key; report.ExpiresAt.IsZero() || now.Before(report.ExpiresAt) {
				found[i] = append(found[i], report)
			}
		}
		slices.SortFunc(found[i], func(a, b driver.Report) int { return strings.Compare(a.Instance, b.Instance) })
	}
	return nil
}

// decodeReport reads what report.lua has written: an instance and its field.
func decodeReport(pair []any) (driver.Report, error) {
	instance, _ := pair[0].(string)
	if len(pair) < 2 {
		return driver.Report{}, errors.New(instance) // what Redis says of another type
	}
	field, _ := pair[1].(string)
	parts := strings.SplitN(field, " ", 3)
	if len(parts) < 3 {
		return driver.DamagedReport("", instance, "its field is %s", quote(field)), nil
	}
	at, okAt := canonicalMilliseconds(parts[0])
	ends, okEnds := canonicalMilliseconds(parts[1])
	if !okAt || !okEnds {
		return driver.DamagedReport("", instance, "its field is %s", quote(field)), nil
	}
	if parts[1] == "0" {
		ends = time.Time{}
	}
	return driver.Report{Instance: instance, Text: parts[2], At: at, ExpiresAt: ends}, nil
}
