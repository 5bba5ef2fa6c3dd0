package storetest_test

import (
	"context"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// reporting changes a report before it is stored.
func reporting(change func(r *driver.Report)) func(*faulty) {
	return func(f *faulty) {
		f.report = func(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
			changed := slices.Clone(reports)
			for i := range changed {
				change(&changed[i])
			}
			return f.mem.Report(ctx, changed)
		}
	}
}

// answering changes the answer of Report.
func answering(change func(f *faulty, reports []driver.Report, results []driver.ReportResult) []driver.ReportResult) func(*faulty) {
	return func(f *faulty) {
		f.report = func(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
			results, err := f.mem.Report(ctx, reports)
			if err != nil {
				return nil, err
			}
			return change(f, reports, results), nil
		}
	}
}

// recallingReports changes what Reports finds for a key.
func recallingReports(change func(f *faulty, key string, reports []driver.Report) []driver.Report) func(*faulty) {
	return func(f *faulty) {
		f.reports = func(ctx context.Context, keys []string) ([][]driver.Report, error) {
			lists, err := f.mem.Reports(ctx, keys)
			for i := range lists {
				lists[i] = change(f, keys[i], lists[i])
			}
			return lists, err
		}
	}
}

// Who loses what the instances say, or mixes it up.
var reportFaults = []fault{
	{"stores no reports", []string{"reports/stored", "reports/keys"}, reporting(func(r *driver.Report) { r.Text = "" })},
	{"keeps one report for each key", []string{"reports/stored", "reports/batch"}, reporting(func(r *driver.Report) {
		if r.Instance != "" {
			r.Instance = "a"
		}
	})},
	{"keeps the first report of an instance", []string{"reports/stored", "reports/batch"}, func(f *faulty) {
		f.report = func(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
			results := make([]driver.ReportResult, len(reports))
			for i, r := range reports {
				lists, err := f.mem.Reports(ctx, []string{r.Key})
				if err != nil {
					return nil, err
				}
				for _, old := range lists[0] {
					if old.Instance == r.Instance && r.Text != "" {
						r.Text = old.Text
					}
				}
				one, err := f.mem.Report(ctx, []driver.Report{r})
				if err != nil {
					return nil, err
				}
				results[i] = one[0]
			}
			return results, nil
		}
	}},
	{"returns the reports in the order of their age", []string{"reports/stored"}, recallingReports(func(_ *faulty, _ string, reports []driver.Report) []driver.Report {
		slices.Reverse(reports)
		return reports
	})},
	{"answers a key once", []string{"reports/batch"}, func(f *faulty) {
		f.reports = func(ctx context.Context, keys []string) ([][]driver.Report, error) {
			lists, err := f.mem.Reports(ctx, keys)
			for i := range lists {
				if slices.Contains(keys[:i], keys[i]) {
					lists[i] = nil
				}
			}
			return lists, err
		}
	}},
	{"removes no report", []string{"reports/removed", "reports/notice", "reports/texts"}, reporting(func(r *driver.Report) {
		if r.Text == "" {
			r.Text = "-"
		}
	})},
	{"removes all reports of the key", []string{"reports/removed"}, func(f *faulty) {
		f.report = func(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
			if reports[0].Text == "" {
				all := []driver.Report{{Key: reports[0].Key, Instance: "a"}, {Key: reports[0].Key, Instance: "b"}}
				if _, err := f.mem.Report(ctx, all); err != nil {
					return nil, err
				}
			}
			return f.mem.Report(ctx, reports)
		}
	}},
	{"keeps a report for ever", []string{"reports/expired"}, reporting(func(r *driver.Report) { r.TTL = 0 })},
	{"ends a report too soon", []string{"reports/expired"}, reporting(func(r *driver.Report) { r.TTL /= 2 })},
	{"keeps the end of the former report", []string{"reports/expired"}, func(f *faulty) {
		f.report = func(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
			changed := slices.Clone(reports)
			lists, err := f.mem.Reports(ctx, []string{reports[0].Key})
			if err != nil {
				return nil, err
			}
			for _, old := range lists[0] {
				if old.Instance == changed[0].Instance && !old.ExpiresAt.IsZero() {
					changed[0].TTL = max(time.Millisecond, time.Until(old.ExpiresAt).Truncate(time.Millisecond))
				}
			}
			return f.mem.Report(ctx, changed)
		}
	}},
	{"ends the notice, too", []string{"reports/expired"}, reporting(func(r *driver.Report) {
		if r.TTL == 0 {
			r.TTL = time.Millisecond
		}
	})},
	{"shows what has ended", []string{"reports/expired"}, func(f *faulty) {
		last := make(map[string]driver.Report)
		f.report = func(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
			for _, r := range reports {
				r.TTL, r.At, r.ExpiresAt = 0, time.Now().UTC().Truncate(time.Millisecond), time.Now().UTC().Add(time.Hour)
				last[r.Instance] = r
			}
			return f.mem.Report(ctx, reports)
		}
		f.reports = func(context.Context, []string) ([][]driver.Report, error) {
			var all []driver.Report
			for _, r := range last {
				all = append(all, r)
			}
			return [][]driver.Report{all}, nil
		}
	}},
	{"never tells of the notice", []string{"reports/notice", "reports/batch"}, answering(func(_ *faulty, _ []driver.Report, results []driver.ReportResult) []driver.ReportResult {
		return make([]driver.ReportResult, len(results))
	})},
	{"tells of a notice of another key", []string{"reports/notice"}, func(f *faulty) {
		notice := ""
		answering(func(_ *faulty, reports []driver.Report, results []driver.ReportResult) []driver.ReportResult {
			for i, r := range reports {
				if r.Instance == "" {
					notice = r.Text
				}
				results[i].Notice = notice
			}
			return results
		})(f)
	}},
	{"cuts the text of a report", []string{"reports/texts"}, reporting(func(r *driver.Report) { r.Text = r.Text[:min(len(r.Text), 4095)] })},
	{"takes the reports of a key in another case", []string{"reports/keys"}, reporting(func(r *driver.Report) {
		if r.Key == "K" {
			r.Key = "k"
		}
	})},
	{"makes a checkpoint of a report", []string{"reports/apart"}, func(f *faulty) {
		f.report = func(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
			for _, r := range reports {
				f.mem.Edit(r.Key, func(c *driver.Cell) { c.Checkpoint.Exists = true })
			}
			return f.mem.Report(ctx, reports)
		}
	}},
	{"deletes the reports with the checkpoint", []string{"reports/apart"}, func(f *faulty) {
		remove := f.remove
		f.remove = func(ctx context.Context, keys []string) (int, error) {
			for _, key := range keys {
				if _, err := f.mem.Report(ctx, []driver.Report{{Key: key, Instance: "a"}}); err != nil {
					return 0, err
				}
			}
			return remove(ctx, keys)
		}
	}},
	{"finds no reports in an outage", []string{"reports/outage"}, func(f *faulty) {
		f.reports = func(ctx context.Context, keys []string) ([][]driver.Report, error) {
			if lists, err := f.mem.Reports(ctx, keys); err == nil {
				return lists, nil
			}
			return make([][]driver.Report, len(keys)), nil
		}
	}},
}
