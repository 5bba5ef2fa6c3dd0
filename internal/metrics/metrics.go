// Package metrics is what otelcheckpoint and promcheckpoint share: how calls are
// classified, which keys have series of their own, and the gauges of the subscriptions
// that are open and of the members of groups. Both modules export the same metrics, so it decides for both.
package metrics

import (
	"cmp"
	"strings"
	"sync"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// Buckets are the bounds of both histograms in seconds, as the semantic conventions of
// OpenTelemetry advise for calls of databases.
var Buckets = []float64{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}

// Keys is a pattern: the keys that match have series of their own.
type Keys string

// Label returns key, or "" if the key shares the series of all others. So does a key that
// a store refuses: Prometheus panics if a label is not valid UTF-8.
func (k Keys) Label(key string) string {
	if key != "" && checkpoint.MatchPattern(string(k), key) && checkpoint.ValidateKey(key) == nil {
		return key
	}
	return ""
}

// A Call is what the duration of a call is told by.
type Call struct {
	Engine string
	Op     string
	Error  string // see CallError
}

// CallOf returns the labels of a call that has ended.
func CallOf(c checkpoint.Call, r checkpoint.CallResult) Call {
	return Call{Engine: c.Engine, Op: c.Op, Error: CallError(c, r)}
}

// System returns the name of the engine as the conventions write it: "redis".
func (c Call) System() string { return cmp.Or(strings.ToLower(c.Engine), "other") }

// Duration returns how long an event was handled.
func Duration(e subscription.Event) float64 { return cmp.Or(e.Handled, e.Duration).Seconds() }

// Outcomes are all outcomes of a write.
var Outcomes = [...]checkpoint.Outcome{
	checkpoint.Unknown, checkpoint.Failed, checkpoint.Advanced, checkpoint.Unchanged, checkpoint.Stale, checkpoint.Fenced,
}

// IsWrite reports whether c writes one position.
func IsWrite(c checkpoint.Call) bool {
	return c.Op == "set" || c.Op == "setIfNewer" || c.Op == "rewind"
}

// CountWrites calls add for each outcome of a call that writes positions, and says how
// many writes had it.
func CountWrites(c checkpoint.Call, r checkpoint.CallResult, add func(o checkpoint.Outcome, n int)) {
	switch {
	case IsWrite(c):
		add(r.Outcome, 1)
	case c.Op == "apply":
		add(checkpoint.Unknown, r.Unknown)
		add(checkpoint.Failed, r.Failed)
		add(checkpoint.Advanced, r.Count-r.Unchanged)
		add(checkpoint.Unchanged, r.Unchanged)
		add(checkpoint.Stale, r.Refused-r.Fenced)
		add(checkpoint.Fenced, r.Fenced)
	}
}

// IsRewind reports whether a checkpoint was rewound.
func IsRewind(c checkpoint.Call, r checkpoint.CallResult) bool {
	return c.Op == "rewind" && r.Err == nil
}

// A Table makes a value for each key once. It allocates nothing for a key that it has.
type Table[K comparable, V any] struct {
	Make func(K) V

	mu   sync.RWMutex
	made map[K]V
}

// Get returns the value of k.
func (t *Table[K, V]) Get(k K) V {
	t.mu.RLock()
	v, ok := t.made[k]
	t.mu.RUnlock()
	if ok {
		return v
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if v, ok := t.made[k]; ok {
		return v
	}
	if t.made == nil {
		t.made = make(map[K]V)
	}
	v = t.Make(k)
	t.made[k] = v
	return v
}
