package storetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var reporting = &ability{
	name: "Reports",
	has:  implements[driver.Reporter],
	ask: func(ctx context.Context, d driver.Driver) error {
		_, err := driver.ReportTo(ctx, d, nil)
		return err
	},
	err: driver.ErrUnsupported,
}

var reportCases = []Case{
	{
		Name:  "reports/stored",
		Rule:  "A report is found under its key until the same instance reports again. A key has a report for each instance, in the order of their names. Another driver finds them.",
		needs: reporting,
		run: func(c *client) {
			c.reports("k", "b", "first", far)
			c.reports("k", "a", "second", far)
			c.reports("k", "b", "third", far)
			c.reports("l", "a", "other", far)
			c.reported("k", "a: second", "b: third")
			c.another().reported("l", "a: other")
			c.reported("missing")
		},
	},
	{
		Name:  "reports/batch",
		Rule:  "A batch stores each of its reports, in its order. Reports answers each key, a key that stands twice, too.",
		needs: reporting,
		run: func(c *client) {
			results, err := driver.ReportTo(c.ctx, c.driver, []driver.Report{
				{Key: "k", Instance: "a", Text: "1", TTL: far},
				{Key: "l", Instance: "", Text: "notice", TTL: 0},
				{Key: "k", Instance: "b", Text: "2", TTL: far},
				{Key: "l", Instance: "a", Text: "3", TTL: far},
				{Key: "k", Instance: "a", Text: "4", TTL: far},
			})
			if err != nil {
				c.Fatalf("Report: %v", err)
			}
			for i, r := range results {
				if want := map[int]string{1: "notice", 3: "notice"}[i]; r.Err != nil || r.Notice != want {
					c.Fatalf("result %d is %+v, want the notice %q", i, r, want)
				}
			}
			lists, err := driver.ReportsOf(c.ctx, c.driver, []string{"l", "missing", "k", "l"})
			if err != nil {
				c.Fatalf("Reports: %v", err)
			}
			want := "[: notice a: 3] [] [a: 4 b: 2] [: notice a: 3]"
			var got []string
			for _, list := range lists {
				got = append(got, fmt.Sprint(reportTexts(list)))
			}
			if strings.Join(got, " ") != want {
				c.Fatalf("Reports returned %s, want %s", strings.Join(got, " "), want)
			}
		},
	},
	{
		Name:  "reports/removed",
		Rule:  "A report with no text removes the instance's report. There need be none.",
		needs: reporting,
		run: func(c *client) {
			c.reports("k", "a", "", 0)
			c.reports("k", "a", "text", far)
			c.reports("k", "b", "text", far)
			c.reports("k", "a", "", 0)
			c.reported("k", "b: text")
			c.reports("k", "b", "", far)
			c.reported("k")
		},
	},
	{
		Name:  "reports/expired",
		Rule:  "A report ends after its TTL, never before. A later report of the instance sets the end anew. A report without a TTL stays.",
		needs: reporting,
		waits: true,
		run:   reportsExpired,
	},
	{
		Name:  "reports/notice",
		Rule:  "Report answers with the key's notice, which is the report of the instance with no name.",
		needs: reporting,
		run: func(c *client) {
			if got := c.reports("k", "a", "text", far); got != "" {
				c.Fatalf("the notice is %q, and there is none", got)
			}
			c.reports("l", "", "of another key", 0)
			c.reports("k", "", "stop", 0)
			if got := c.another().reports("k", "a", "text", far); got != "stop" {
				c.Fatalf("the notice is %q, want %q", got, "stop")
			}
			if got := c.reports("k", "a", "", 0); got != "stop" {
				c.Fatalf("the notice is %q when a report is removed, want %q", got, "stop")
			}
			c.reported("k", ": stop")
			if got := c.reports("k", "", "", 0); got != "" {
				c.Fatalf("the notice is %q after its removal", got)
			}
			if got := c.reports("k", "a", "text", far); got != "" {
				c.Fatalf("the notice is %q, and it was removed", got)
			}
		},
	},
	{
		Name:  "reports/texts",
		Rule:  "A report keeps its text and its instance's name, whatever characters they have, and the longest, too.",
		needs: reporting,
		run: func(c *client) {
			for _, text := range []string{`"quotes" 'and' \back\\slashes`, "{braces} [and] <b>tags</b> %d $1 :;,|", "naïve 検査 🙂", " spaces ", "NULL", "-1", "0"} {
				c.reports("k", text, text, far)
				c.reported("k", text+": "+text)
				c.reports("k", text, "", 0)
			}
			name, text := strings.Repeat("é", 128), strings.Repeat("ä", driver.ReportBytes/2)
			c.reports("k", name, text, far)
			c.reported("k", name+": "+text)
		},
	},
	{
		Name:  "reports/keys",
		Rule:  "Each key has reports of its own.",
		needs: reporting,
		run: func(c *client) {
			keys := []string{"k", "K", "k*", "k:1", "k/1", "{k}", "k 1", "é"}
			for i, key := range keys {
				c.reports(key, "a", fmt.Sprint(i), far)
			}
			for i, key := range keys {
				c.reported(key, fmt.Sprintf("a: %d", i))
			}
			c.reported("k1")
		},
	},
	{
		Name:  "reports/apart",
		Rule:  "A report is no part of a cell. Scan and ScanCells do not list a key that has nothing else, and Delete leaves its reports.",
		needs: reporting,
		run: func(c *client) {
			c.put(ifNewer("k", 1, 2))
			c.reports("k", "a", "text", far)
			c.reports("alone", "a", "text", far)
			c.reports("alone", "", "notice", 0)
			c.holds(ifNewer("k", 1, 2))
			c.missing("alone")
			c.lists("*", 10, "k")
			if !c.lacks(inspecting) {
				for page, err := range driver.ScanCells(c.ctx, c.driver, "*", 10) {
					if err != nil {
						c.Fatalf("ScanCells: %v", err)
					}
					for _, cell := range page {
						if cell.Key != "k" {
							c.Fatalf("ScanCells found %q, which has reports alone", cell.Key)
						}
					}
				}
			}
			if n, err := c.driver.Delete(c.ctx, []string{"k", "alone"}); n != 1 || err != nil {
				c.Fatalf("Delete: %d, %v", n, err)
			}
			c.reported("k", "a: text")
			c.reported("alone", ": notice", "a: text")
		},
	},
	{
		Name:  "reports/outage",
		Rule:  "If the engine fails, Report and Reports fail: Reports never returns an empty list instead.",
		needs: reporting,
		run: func(c *client) {
			c.reports("k", "a", "text", far)
			restore := c.outage()
			defer restore()
			c.failsInOutage("k", attempt{"Report", attemptReport}, attempt{"Reports", attemptReports})
		},
	},
}

func reportsExpired(c *client) {
	ttl := c.soon()
	began := time.Now()
	c.reports("k", "short", "text", ttl)
	c.reports("k", "renewed", "text", ttl)
	c.reports("k", "renewed", "text", far)
	c.reports("k", "long", "text", far)
	c.reports("k", "", "notice", 0)
	c.eventually("the report ends", func() bool {
		texts := reportTexts(c.reportList("k"))
		gone := strings.Join(texts, ",") == ": notice,long: text,renewed: text"
		if took := time.Since(began); gone && took < ttl {
			c.Fatalf("a report with a TTL of %v is gone after %v", ttl, took)
		}
		if !gone && len(texts) != 4 {
			c.Fatalf("the reports are %q, want all but the short one", texts)
		}
		return gone
	})
	c.reports("k", "short", "again", far)
	c.reported("k", ": notice", "long: text", "renewed: text", "short: again")
}

// reports stores a report, and returns the notice.
func (c *client) reports(key, instance, text string, ttl time.Duration) string {
	c.Helper()
	results, err := driver.ReportTo(c.ctx, c.driver, []driver.Report{{Key: key, Instance: instance, Text: text, TTL: ttl}})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		c.Fatalf("Report of %q by %.80q: %v", key, instance, err)
	}
	return results[0].Notice
}

func (c *client) reportList(key string) []driver.Report {
	c.Helper()
	lists, err := driver.ReportsOf(c.ctx, c.driver, []string{key})
	if err != nil {
		c.Fatalf("Reports of %q: %v", key, err)
	}
	for _, r := range lists[0] {
		switch whole := r.At.Truncate(time.Millisecond); {
		case r.Key != key:
			c.Fatalf("Reports of %q returned a report of %q", key, r.Key)
		case r.At.Location() != time.UTC || !r.At.Equal(whole) || time.Since(r.At).Abs() > time.Hour:
			c.Fatalf("a report is of %v, want whole milliseconds, UTC, by the engine's clock", r.At)
		case r.Instance == "" != r.ExpiresAt.IsZero():
			c.Fatalf("the report of %q ends at %v", r.Instance, r.ExpiresAt)
		case !r.ExpiresAt.IsZero() && (r.ExpiresAt.Location() != time.UTC || r.ExpiresAt.Before(r.At)):
			c.Fatalf("the report of %v ends at %v, want a later time, UTC", r.At, r.ExpiresAt)
		case r.TTL != 0:
			c.Fatalf("the report that was read has the TTL %v, want none", r.TTL)
		}
	}
	return lists[0]
}

// reported checks all reports of key.
func (c *client) reported(key string, want ...string) {
	c.Helper()
	got := reportTexts(c.reportList(key))
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		c.Fatalf("Reports of %q: %q, want %q", key, got, want)
	}
}

func reportTexts(reports []driver.Report) []string {
	texts := make([]string, len(reports))
	for i, r := range reports {
		texts[i] = r.Instance + ": " + r.Text
	}
	return texts
}
