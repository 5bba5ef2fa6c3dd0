package main

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
	"text/template"
)

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
