package promcheckpoint_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/promcheckpoint"
)

// TestDefaults: no key has its own series.
func TestDefaults(t *testing.T) {
	c := promcheckpoint.New(nil)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	store := checkpoint.New(memstore.New(), &checkpoint.Options{Observers: []checkpoint.Observer{c}})
	if err := store.Set(t.Context(), "a", checkpoint.Position{Commit: 1}); err != nil {
		t.Fatal(err)
	}
	if n := scrape(t, registry)[`checkpoint_writes_total{checkpoint_outcome="advanced"}`]; n != 1 {
		t.Errorf("%v writes were counted, want 1", n)
	}
}
