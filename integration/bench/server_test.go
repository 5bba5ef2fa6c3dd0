package main

import (
	"slices"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/benchtest"
)

// BenchmarkServer measures the processor time that the Redis server needs for
// one write of a batch, which other processes hardly change.
func BenchmarkServer(b *testing.B) {
	e, server := redisEngine(b)
	epoch := func(w *checkpoint.Write) { w.Epoch = 7 }
	ttl := func(w *checkpoint.Write) { w.TTL = time.Hour }
	for _, kind := range []struct {
		name    string
		newer   bool
		with    func(*checkpoint.Write)
		rivalry bool // whether others can do it
	}{
		{"newer", true, nil, true},
		{"equal", false, nil, true},
		{"epoch", true, epoch, false},
		{"ttl", true, ttl, false},
	} {
		for _, c := range e.contestants {
			if c.name == "rueidis" || c.name != "store" && !kind.rivalry {
				continue
			}
			b.Run("write="+kind.name+"/of="+c.name, func(b *testing.B) {
				d, err := c.open(b.Context(), e.empty(b))
				if err != nil {
					b.Fatal(err)
				}
				defer d.Close()
				store, keys := checkpoint.New(d, nil), benchtest.Keys(1000)
				writes := make([]checkpoint.Write, len(keys))
				before := info(b, server, "cpu", "used_cpu_user") + info(b, server, "cpu", "used_cpu_sys")
				for done, round := 0, uint64(1); done < b.N; done += len(writes) {
					writes = writes[:min(len(keys), b.N-done)]
					for i := range writes {
						writes[i] = checkpoint.Write{Key: keys[i], IfNewer: true, Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: round}}}
						if kind.with != nil {
							kind.with(&writes[i])
						}
					}
					if kind.newer {
						round++
					}
					outcomes, err := store.Apply(b.Context(), writes...)
					if err != nil || slices.ContainsFunc(outcomes, func(o checkpoint.Outcome) bool {
						return o != checkpoint.Advanced && (kind.newer || o != checkpoint.Unchanged)
					}) {
						b.Fatalf("the outcomes of Apply are %v, %v", outcomes, err)
					}
				}
				after := info(b, server, "cpu", "used_cpu_user") + info(b, server, "cpu", "used_cpu_sys")
				b.ReportMetric((after-before)*1e9/float64(b.N), "server-ns/op")
			})
		}
	}
}
