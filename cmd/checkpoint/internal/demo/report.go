package demo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/checkpointstore/checkpoint"
)

// A consumer is one reader of the order log: it adds an amount to the total of
// a name for each event. Its checkpoint is kept at key.
type consumer struct {
	key    string
	title  string
	unit   string
	effect func(Event) (name string, amount int64)
}

var consumers = []consumer{
	{"demo/revenue", "Revenue per country", "cents", func(e Event) (string, int64) { return e.Country, e.Cents }},
	{"demo/stock", "Pieces sold per product", "pieces", func(e Event) (string, int64) { return e.Product, e.Quantity }},
	{"demo/customers", "Revenue per customer", "cents", func(e Event) (string, int64) { return e.Customer, e.Cents }},
}

// handle is the effect of an event.
func (c consumer) handle(event Event) Effect {
	name, amount := c.effect(event)
	return Effect{Position: event.Position, Name: name, Amount: amount}
}

func consumerAt(key string) (consumer, error) {
	for _, c := range consumers {
		if c.key == key {
			return c, nil
		}
	}
	return consumer{}, fmt.Errorf("there is no consumer %q", key)
}

func logPath(dir string) string { return filepath.Join(dir, "demo-orders.log") }

// The files that a consumer leaves behind: what it did, event by event, and
// the report that came of it.
func (c consumer) effectsPath(dir string) string { return c.path(dir, ".effects") }
func (c consumer) reportPath(dir string) string  { return c.path(dir, ".json") }

func (c consumer) path(dir, suffix string) string {
	return filepath.Join(dir, "demo-"+filepath.Base(c.key)+suffix)
}

// A Report is what a consumer builds.
type Report struct {
	Through checkpoint.Position `json:"through"` // the last event in it
	Events  int                 `json:"events"`
	Totals  map[string]int64    `json:"totals"`
}

func newReport() *Report { return &Report{Totals: map[string]int64{}} }

// Add adds an effect, unless its event is in the report already: events that
// are seen again after a crash do not count twice.
func (r *Report) Add(e Effect) {
	if e.Position.Compare(r.Through) <= 0 {
		return
	}
	r.Through = e.Position
	r.Events++
	r.Totals[e.Name] += e.Amount
}

// top returns the names with the n highest totals.
func (r *Report) top(n int) []string {
	names := make([]string, 0, len(r.Totals))
	for name := range r.Totals {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Totals[b], r.Totals[a]), cmp.Compare(a, b))
	})
	return names[:min(n, len(names))]
}

// save replaces the file at path in one step.
func (r *Report) save(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func loadReport(path string) (*Report, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := newReport()
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}
