package metrics

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/memstore"
)

// An exported is the type and the labels of a metric. No label of it is empty.
type exported struct{ kind, labels string }

// exportedBy returns what a module exports of a consumer.
func exportedBy(t *testing.T, module string) map[string]exported {
	t.Helper()
	o, gatherer := observers[module](t)
	names := make(map[string]exported)
	for _, f := range consume(t, memstore.New(), o, gatherer) {
		labels := make(map[string]bool)
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetValue() != "" {
					labels[l.GetName()] = true
				}
			}
		}
		names[f.GetName()] = exported{f.GetType().String(), strings.Join(slices.Sorted(maps.Keys(labels)), " ")}
	}
	return names
}

// TestBothExportTheSame: one alert rule and one dashboard serve both.
func TestBothExportTheSame(t *testing.T) {
	otel, prom := exportedBy(t, "otelcheckpoint"), exportedBy(t, "promcheckpoint")
	if !maps.Equal(otel, prom) {
		t.Errorf("otelcheckpoint exports %v\n promcheckpoint %v", otel, prom)
	}
}

var (
	matchers = regexp.MustCompile(`\{[^{}]*\}`)
	grouping = regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`)
	name     = regexp.MustCompile(`\b(?:checkpoint|db_client|messaging)_[a-z_]+`)
	label    = regexp.MustCompile(`[a-z_]+`)
	instance = regexp.MustCompile(`,instance="\d"`) // Prometheus adds it
	matcher  = regexp.MustCompile(`([a-z_]+)(?:=|!=|=~|!~)"`)
)

// check holds a query to names and labels that are exported.
func check(t *testing.T, names map[string]exported, query string) {
	t.Helper()
	known := []string{"error_type", "le"}
	for _, e := range names {
		known = append(known, strings.Fields(e.labels)...)
	}
	var labels []string
	for _, m := range matcher.FindAllStringSubmatch(query, -1) {
		labels = append(labels, m[1])
	}
	for _, m := range grouping.FindAllStringSubmatch(query, -1) {
		labels = append(labels, label.FindAllString(m[1], -1)...)
	}
	for _, l := range labels {
		if !slices.Contains(known, l) {
			t.Errorf("no metric has the label %s, in\n%s", l, query)
		}
	}
	found := name.FindAllString(grouping.ReplaceAllString(matchers.ReplaceAllString(query, ""), ""), -1)
	if len(found) == 0 {
		t.Errorf("no metric is named in\n%s", query)
	}
	for _, n := range found {
		base := n
		for _, part := range []string{"_bucket", "_count", "_sum"} {
			base = strings.TrimSuffix(base, part)
		}
		if e, ok := names[base]; !ok || (base != n) != (e.kind == "HISTOGRAM") {
			t.Errorf("%s is not exported, in\n%s", n, query)
		}
	}
}

// TestAlerts holds the alert rules to what is exported. They are named in the text so
// that nobody loses one.
func TestAlerts(t *testing.T) {
	names := exportedBy(t, "promcheckpoint")
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	rules := strings.Split(string(text), "- alert: ")[1:]
	var alerts []string
	for _, rule := range rules {
		alert, rest, _ := strings.Cut(rule, "\n")
		_, expr, ok := strings.Cut(rest, "expr: |\n")
		expr, _, ok2 := strings.Cut(expr, "        labels:")
		if !ok || !ok2 {
			t.Fatalf("%s has no expr in a block, followed by labels", alert)
		}
		check(t, names, expr)
		alerts = append(alerts, alert)
	}
	want := []string{"CheckpointStuck", "CheckpointSlow", "CheckpointNearTail", "CheckpointNobodyAtWork", "CheckpointRewound"}
	if !slices.Equal(alerts, want) {
		t.Errorf("the alerts are %q, want %q", alerts, want)
	}
}

// TestAlertsAreTestedOnWhatIsExported holds the tests of the rules, which promtool runs,
// to the same names.
func TestAlertsAreTestedOnWhatIsExported(t *testing.T) {
	names := exportedBy(t, "promcheckpoint")
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "alerts_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	series := regexp.MustCompile(`series: '([^']*)'`).FindAllStringSubmatch(string(text), -1)
	if len(series) < 10 {
		t.Errorf("%d series were found", len(series))
	}
	for _, s := range series {
		check(t, names, instance.ReplaceAllString(s[1], ""))
	}
}

// TestDashboard holds the queries of the dashboard to what is exported, and wants every
// metric on it.
func TestDashboard(t *testing.T) {
	names := exportedBy(t, "promcheckpoint")
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "grafana.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			check(t, names, target.Expr)
			shown = append(shown, name.FindAllString(target.Expr, -1)...)
		}
	}
	for n := range names {
		if !slices.Contains(shown, n) && !slices.Contains(shown, n+"_bucket") {
			t.Errorf("no panel shows %s", n)
		}
	}
}

// TestTable holds the table of metrics in the page to what both modules export.
func TestTable(t *testing.T) {
	names := exportedBy(t, "promcheckpoint")
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "observability.md"))
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `[a-z_.]+` \\| `([a-z_]+)` \\|")
	var listed []string
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		listed = append(listed, m[1])
	}
	slices.Sort(listed)
	if want := slices.Sorted(maps.Keys(names)); !slices.Equal(listed, want) {
		t.Errorf("the page lists %q\n exported are %q", listed, want)
	}
}
