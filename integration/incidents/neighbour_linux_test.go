package incidents

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

const (
	// turn is longer than what lies between two reads of the screen and of the page.
	turn = 2500 * time.Millisecond
	// pace is how often the neighbour writes. A client that wrote without a pause would write
	// the less, the longer it waits, and so see fewer of the waits.
	pace = time.Millisecond
)

// BenchmarkNeighbour measures the writes of a client with a key of its own while somebody
// looks at 10,000 consumers. An operation is a turn of each look, and `-benchtime 9x` makes
// nine. Each figure is the median of those of the turns.
func BenchmarkNeighbour(b *testing.B) {
	for _, engine := range []struct {
		name  string
		start func(*testing.B) (url string, server *redistest.Server)
	}{
		{"redis", func(b *testing.B) (string, *redistest.Server) {
			b.Helper()
			server := redistest.Start(b)
			return server.URL(), server
		}},
		{"sqlite", func(b *testing.B) (string, *redistest.Server) {
			b.Helper()
			return "sqlite:" + filepath.Join(b.TempDir(), "checkpoints.db"), nil
		}},
		{"postgres", func(b *testing.B) (string, *redistest.Server) {
			b.Helper()
			url := pgtest.Start(b, "fsync=on").NewDatabase()
			show(b, url, "schema", "--apply")
			return url, nil
		}},
		{"etcd", func(b *testing.B) (string, *redistest.Server) {
			b.Helper()
			return "etcd://" + strings.Join(etcdtest.Start(b, 1).Endpoints(), ","), nil
		}},
	} {
		b.Run("engine="+engine.name, func(b *testing.B) {
			url, server := engine.start(b)
			report(b, url, 10_000)
			measureNeighbour(b, url, server)
		})
	}
}

func measureNeighbour(b *testing.B, url string, server *redistest.Server) {
	b.Helper()
	d, err := open(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
	next := uint64(0)
	write := func() {
		next++
		if ok, err := store.SetIfNewer(b.Context(), "neighbour", at(next)); err != nil || !ok {
			b.Fatalf("SetIfNewer returned %v, %v", ok, err)
		}
	}
	write()
	found := make(map[string][]float64) // by metric
	for b.Loop() {
		for _, l := range looks {
			ctx, stop := context.WithCancel(b.Context())
			ended := l.start(ctx, b, url)
			if server != nil {
				server.Do("CONFIG", "RESETSTAT")
			}
			took := writesOf(write)
			if server != nil {
				name := "command-p99-" + l.name + "-ns"
				found[name] = append(found[name], commandTime(b, server))
			}
			stop()
			ended()
			for _, p := range []int{50, 99} {
				name := fmt.Sprintf("p%d-%s-ns", p, l.name)
				found[name] = append(found[name], float64(took[len(took)*p/100]))
			}
		}
	}
	for name, figures := range found {
		slices.Sort(figures)
		b.ReportMetric(figures[len(figures)/2], name)
	}
}

// writesOf writes for a turn, and returns what the writes took, sorted.
func writesOf(write func()) (took []time.Duration) {
	ticks := time.NewTicker(pace)
	defer ticks.Stop()
	for began := time.Now(); time.Since(began) < turn; {
		<-ticks.C
		from := time.Now()
		write()
		took = append(took, time.Since(from))
	}
	slices.Sort(took)
	return took
}

// commandTime is how long one of a hundred commands of the slowest kind keeps the server
// from others.
func commandTime(b *testing.B, server *redistest.Server) (longest float64) {
	b.Helper()
	text, _ := server.Do("INFO", "latencystats").(string)
	for line := range strings.Lines(text) {
		var p50, p99, p999 float64
		name, stats, _ := strings.Cut(strings.TrimSpace(line), ":")
		if _, err := fmt.Sscanf(stats, "p50=%g,p99=%g,p99.9=%g", &p50, &p99, &p999); err == nil && !strings.Contains(name, "config") {
			longest = max(longest, p99*1000)
		}
	}
	return longest
}
