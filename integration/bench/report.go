package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
