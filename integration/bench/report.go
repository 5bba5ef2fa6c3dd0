package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/checkpointstore/checkpoint/integration/bench/chart"
)

// A report collects what was measured.
type report struct {
	set      settings
	stderr   io.Writer
	start    time.Time
	made     map[string]bool // which parts
	tables   map[string]string
	summary  [][]string // rows of what matters most
	charts   map[string]chart.Chart
	measured map[string]float64 // by target
	// writes is what the store did in a second, by the target that compares it
	// with the server's limit.
	writes      map[string]float64
	newerMicros float64 // that the server needs for a write of a newer position
	err         error   // the first is enough
}

func newReport(set settings, stderr io.Writer) *report {
	return &report{
		set: set, stderr: stderr, start: time.Now(), made: make(map[string]bool), tables: make(map[string]string),
		charts: make(map[string]chart.Chart), measured: make(map[string]float64), writes: make(map[string]float64),
	}
}

// progress tells who waits what is being measured.
func (r *report) progress(what string) {
	fmt.Fprintf(r.stderr, "%4.0f s: %s\n", time.Since(r.start).Seconds(), what)
}

func (r *report) table(name string, rows [][]string) { r.tables[name] = markdown(rows) }

func (r *report) chart(name string, c chart.Chart) { r.charts[name] = c }

func (r *report) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *report) takeErr() error {
	err := r.err
	r.err = nil
	return err
}

//go:embed report.md.tmpl
var reportText string

// markdown writes the report by its template, whose methods are those of view.
func (r *report) markdown(out io.Writer) error {
	t, err := template.New("report").Option("missingkey=error").Parse(reportText)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := t.Execute(&b, view{r}); err != nil {
		return err
	}
	_, err = io.WriteString(out, b.String())
	return err
}

// A view is what the template sees of a report.
type view struct{ r *report }

// Made tells whether a part was measured.
func (v view) Made(part string) bool { return v.r.made[part] }

// Short tells whether the run was one that measures nothing well.
func (v view) Short() bool { return v.r.set.short }

// Rounds is how often what is compared took turns.
func (v view) Rounds() string {
	if v.r.set.rounds == 1 {
		return "1 round"
	}
	return fmt.Sprintf("%d rounds", v.r.set.rounds)
}

// Each is how long each measurement took.
func (v view) Each() string { return duration(v.r.set.each) }

// Keys is how many checkpoints the largest store had.
func (v view) Keys() string { return rounded(float64(v.r.set.keys)) }

// MoreKeys is how many the extrapolation goes to.
func (v view) MoreKeys() string { return rounded(float64(v.r.set.keys) * beyond) }

// Table is one that was measured.
func (v view) Table(name string) (string, error) {
	text, ok := v.r.tables[name]
	if !ok {
		return "", fmt.Errorf("the table %s was not made", name)
	}
	return strings.TrimSuffix(text, "\n"), nil
}

// Chart shows one that was drawn.
func (v view) Chart(name string) (string, error) {
	c, ok := v.r.charts[name]
	if !ok {
		return "", fmt.Errorf("the chart %s was not drawn", name)
	}
	return fmt.Sprintf("![%s](%s/%s.svg)", c.Title, chartFolder, name), nil
}

// Summary is a table of what matters most.
func (v view) Summary() string {
	head := [][]string{{"call", "a second", "over the limit", "over the same without this store"}}
	return strings.TrimSuffix(markdown(append(head, v.r.summary...)), "\n")
}

// Summed tells whether there is anything in it.
func (v view) Summed() bool { return len(v.r.summary) > 0 }

// Targets is their table.
func (v view) Targets() (string, error) {
	rows, err := v.r.targetTable()
	return strings.TrimSuffix(markdown(rows), "\n"), err
}

// Met and Known count the targets.
func (v view) Met() int {
	n := 0
	for id, measured := range v.r.measured {
		if t, ok := findTarget(id); ok && t.met(measured) {
			n++
		}
	}
	return n
}

func (v view) Known() int { return len(v.r.measured) }

const (
	reportName  = "performance.md"
	chartFolder = "performance"
)

// write makes everything beside the place where it belongs, and moves it there
// only when it is whole.
func (r *report) write(folder string) (err error) {
	temp, err := os.MkdirTemp(folder, ".performance-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	if err := os.Mkdir(filepath.Join(temp, chartFolder), 0o755); err != nil {
		return err
	}
	for name, c := range r.charts {
		svg, err := c.SVG()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(temp, chartFolder, name+".svg"), svg, 0o644); err != nil {
			return err
		}
	}
	var text strings.Builder
	if err := r.markdown(&text); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(temp, reportName), []byte(text.String()), 0o644); err != nil {
		return err
	}
	// The whole folder goes, so that no chart stays that is drawn no more.
	err = os.Rename(filepath.Join(folder, chartFolder), filepath.Join(temp, "former"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range []string{chartFolder, reportName} {
		if err := os.Rename(filepath.Join(temp, name), filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return nil
}
