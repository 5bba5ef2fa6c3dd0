package pgstore

import (
	"context"
	"slices"
	"strconv"

	"github.com/checkpointstore/checkpoint/driver"
)

func (s *statements) keepReports(in func(string) string) {
	const lasts = " AND (expires_at IS NULL OR expires_at > clock_timestamp())"
	// All who store many reports store them in one order.
	s.report = in("INSERT INTO {reports} (namespace, key, instance, at, expires_at, report)" +
		" SELECT $1, w.key, w.instance, t.at, CASE WHEN w.ttl > 0 THEN t.at + (w.ttl + 1) * interval '1 millisecond' END, w.report" +
		" FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[]) AS w (key, instance, ttl, report)," +
		" (SELECT date_trunc('milliseconds', clock_timestamp()) AS at) t ORDER BY w.key COLLATE \"C\", w.instance COLLATE \"C\"" +
		" ON CONFLICT (namespace, key, instance) DO UPDATE SET at = excluded.at, expires_at = excluded.expires_at, report = excluded.report")
	s.endReport = in("DELETE FROM {reports} r USING unnest($2::text[], $3::text[]) AS w (key, instance)" +
		" WHERE r.namespace = $1 AND r.key = w.key AND r.instance = w.instance")
	s.notices = in("SELECT key, report FROM {reports} WHERE namespace = $1 AND key = ANY ($2::text[]) AND instance = ''" + lasts)
	s.reports = in("SELECT key, instance, round(extract(epoch FROM at) * 1000)::text, round(extract(epoch FROM expires_at) * 1000)::text, report" +
		" FROM {reports} WHERE namespace = $1 AND key = ANY ($2::text[])" + lasts + " ORDER BY key, instance")
	s.endedReports = in("DELETE FROM {reports} WHERE namespace = $1 AND expires_at <= clock_timestamp()")
}

var _ driver.Reporter = (*Driver)(nil)

// Report implements [driver.Reporter]. It stores up to 1000 reports in one transaction.
func (d *Driver) Report(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	results := make([]driver.ReportResult, 0, len(reports))
	for part := range slices.Chunk(reports, chunk) {
		notices := make(map[string]string)
		if err := d.run(ctx, d.reporting(part, notices)...); err != nil {
			return nil, d.failure(ctx, err)
		}
		for i := range part {
			results = append(results, driver.ReportResult{Notice: notices[part[i].Key]})
		}
	}
	return results, nil
}

// reporting returns the statements that store reports, and read the notices of their keys.
func (d *Driver) reporting(reports []driver.Report, notices map[string]string) (store []*statement) {
	type place struct{ key, instance string }
	last := make(map[place]*driver.Report, len(reports)) // a statement stores a row once
	for i := range reports {
		last[place{reports[i].Key, reports[i].Instance}] = &reports[i]
	}
	var keys, key, instance, ttl, report, goneKey, goneInstance list
	for at, r := range last {
		keys.add(at.key)
		if r.Text == "" {
			goneKey.add(at.key)
			goneInstance.add(at.instance)
			continue
		}
		key.add(at.key)
		instance.add(at.instance)
		ttl.add(strconv.FormatInt(r.TTL.Milliseconds(), 10))
		report.add(r.Text)
	}
	namespace := d.opts.Namespace
	if goneKey.Len() > 0 {
		store = append(store, &statement{sql: d.sql.endReport, args: []any{namespace, goneKey.text(), goneInstance.text()}})
	}
	if key.Len() > 0 {
		store = append(store, &statement{sql: d.sql.report, args: []any{namespace, key.text(), instance.text(), ttl.text(), report.text()}})
	}
	return append(store, &statement{sql: d.sql.notices, args: []any{namespace, keys.text()}, each: func(scan func(...any) error) error {
		var key, notice string
		err := scan(&key, &notice)
		notices[key] = notice
		return err
	}})
}

// Reports implements [driver.Reporter].
func (d *Driver) Reports(ctx context.Context, keys []string) ([][]driver.Report, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	found := make(map[string][]driver.Report, len(keys))
	once := slices.Compact(slices.Sorted(slices.Values(keys)))
	for part := range slices.Chunk(once, chunk) {
		err := d.read(ctx, &statement{
			sql: d.sql.reports, args: []any{d.opts.Namespace, listOf(part)},
			each: func(scan func(...any) error) error {
				r, err := scanReport(scan)
				found[r.Key] = append(found[r.Key], r)
				return err
			},
		})
		if err != nil {
			return nil, d.failure(ctx, err)
		}
	}
	reports := make([][]driver.Report, len(keys))
	for i, key := range keys {
		reports[i] = slices.Clone(found[key])
	}
	return reports, nil
}

func scanReport(scan func(...any) error) (r driver.Report, err error) {
	var at, expires, report *string
	if err := scan(&r.Key, &r.Instance, &at, &expires, &report); err != nil {
		return r, err
	}
	var sound, ends bool
	r.At, sound = decodeTime(at)
	r.ExpiresAt, ends = decodeTime(expires)
	if !sound || ends != (expires != nil) || report == nil {
		return driver.DamagedReport(r.Key, r.Instance, "its times are %s and %s", text(at), text(expires)), nil
	}
	r.Text = *report
	return r, nil
}
