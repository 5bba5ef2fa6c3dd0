package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/benchtest"
)

// BenchmarkSamples measures the processor time that a write takes the server, with samples
// and without. On SQLite it is that of this process. A key is written once a second, by the
// times of the writes, so that one of 300 writes keeps a sample. An operation is a turn of
// both, and `-benchtime 41x` makes 41. Each figure is the median of those of the turns.
func BenchmarkSamples(b *testing.B) {
	for _, engine := range []struct {
		name    string
		servers bool // whether it has servers
		start   func(*testing.B) *engine
	}{
		{"redis", true, onRedis},
		{"sqlite", false, onSQLite},
		{"postgres", true, postgresEngine},
		{"etcd", true, func(b *testing.B) *engine {
			b.Helper()
			// Members in the process of the test have no time of their own.
			b.Setenv("ETCDTEST_SERVER", cmp.Or(os.Getenv("ETCDTEST_SERVER"), "etcd-3.5"))
			return etcdEngine(b)
		}},
	} {
		b.Run("engine="+engine.name, func(b *testing.B) {
			e := engine.start(b)
			for _, batch := range []int{1, 100} {
				b.Run("batch="+strconv.Itoa(batch), func(b *testing.B) { e.measureSamples(b, engine.servers, batch) })
			}
		})
	}
}

func (e *engine) measureSamples(b *testing.B, servers bool, batch int) {
	b.Helper()
	place := e.empty(b)
	with := newSampled(b, e, place, "with", batch, nil)
	without := newSampled(b, e, place, "without", batch, func(string) time.Duration { return 0 })
	both := []*sampled{with, without}
	for _, s := range both {
		s.turn(b) // makes the rows, and the connections
	}
	var ratios []float64
	for b.Loop() {
		for _, s := range both {
			before := busy(b, servers)
			writes := s.turn(b)
			s.took = append(s.took, float64(busy(b, servers)-before)/float64(writes))
		}
		slices.Reverse(both)
		last := len(with.took) - 1
		ratios = append(ratios, with.took[last]/without.took[last])
	}
	if n, none := with.kept(b), without.kept(b); n == 0 || none > 0 {
		b.Fatalf("%d and %d samples were kept, want some and none", n, none)
	}
	b.ReportMetric(median(with.took), "with-ns")
	b.ReportMetric(median(without.took), "without-ns")
	b.ReportMetric(median(ratios), "ratio")
}

// sampled writes keys of its own.
type sampled struct {
	store *checkpoint.Store
	batch []checkpoint.Write
	began time.Time
	round int
	took  []float64
}

func newSampled(b *testing.B, e *engine, place, name string, batch int, every func(string) time.Duration) *sampled {
	b.Helper()
	d, err := e.contestants[0].open(b.Context(), place)
	if err != nil {
		b.Fatal(err)
	}
	s := &sampled{
		store: checkpoint.New(d, &checkpoint.Options{SampleEvery: every}), batch: make([]checkpoint.Write, batch),
		began: time.Now().Add(-20 * 24 * time.Hour), // so that no time is in the future
	}
	b.Cleanup(func() { s.store.Close() })
	for i, key := range benchtest.Keys(batch) {
		s.batch[i] = checkpoint.Write{Key: name + "/" + key, IfNewer: true}
	}
	return s
}

// turn writes each key as often as five minutes have seconds, and one alone four times as
// often. It returns how many writes there were.
func (s *sampled) turn(b *testing.B) (writes int) {
	b.Helper()
	rounds := 300
	if len(s.batch) == 1 {
		rounds *= 4
	}
	for range rounds {
		s.round++
		for i := range s.batch {
			s.batch[i].Mark = checkpoint.Mark{
				Position:  checkpoint.Position{Commit: uint64(s.round)},
				UpdatedAt: s.began.Add(time.Duration(s.round) * time.Second),
			}
		}
		outcomes, err := s.store.Apply(b.Context(), s.batch...)
		if err != nil || slices.ContainsFunc(outcomes, func(o checkpoint.Outcome) bool { return o != checkpoint.Advanced }) {
			b.Fatalf("the outcomes of Apply are %v, %v", outcomes, err)
		}
	}
	return rounds * len(s.batch)
}

// kept is how many samples of the first key there are.
func (s *sampled) kept(b *testing.B) int {
	b.Helper()
	samples, err := s.store.Samples(b.Context(), s.batch[0].Key)
	if err != nil {
		b.Fatal(err)
	}
	return len(samples)
}

// busy is how long the processors have worked for the servers, which are the descendants of
// this process, or for this process itself, in nanoseconds. /proc/PID/stat would round that
// to hundredths of a second.
func busy(b *testing.B, servers bool) (total int64) {
	b.Helper()
	pids := []int{os.Getpid()}
	if servers {
		if pids = descendants(b, pids[0]); len(pids) == 0 {
			b.Fatal("no server runs")
		}
	}
	for _, pid := range pids {
		for _, path := range threads(b, pid, "schedstat") {
			text, _ := os.ReadFile(path) // a thread may have ended
			first, _, _ := strings.Cut(string(text), " ")
			n, _ := strconv.ParseInt(first, 10, 64)
			total += n
		}
	}
	return total
}

func descendants(b *testing.B, of int) (pids []int) {
	b.Helper()
	for _, path := range threads(b, of, "children") {
		text, _ := os.ReadFile(path) // a thread may have ended
		for field := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				b.Fatal(err)
			}
			pids = append(append(pids, pid), descendants(b, pid)...)
		}
	}
	return pids
}

// threads returns what Linux says of each thread of a process.
func threads(b *testing.B, pid int, file string) []string {
	b.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/%s", pid, file))
	if err != nil || len(paths) == 0 && pid == os.Getpid() {
		b.Skipf("the system does not tell the %s of threads: %v", file, err)
	}
	return paths
}
