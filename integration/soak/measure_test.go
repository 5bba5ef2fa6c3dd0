package soak

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A sample is what is in use at one moment.
type sample struct{ goroutines, heapKiB, handles, connections int }

func (s *servers) take(t *testing.T) sample {
	t.Helper()
	// Twice, because what a finalizer frees is garbage one collection later.
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return sample{
		goroutines:  runtime.NumGoroutine(),
		heapKiB:     int(m.HeapAlloc >> 10),
		handles:     handles(t),
		connections: s.connections(t),
	}
}

func handles(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatalf("this test needs to list the process's open files: %v", err)
	}
	return len(open)
}

// connections counts those to Redis and to PostgreSQL, with the one that asks each. Those to
// etcd are among the handles.
func (s *servers) connections(t *testing.T) int {
	t.Helper()
	_, text, _ := strings.Cut(s.redis.Do("INFO", "clients").(string), "connected_clients:")
	text, _, _ = strings.Cut(text, "\r\n")
	toRedis, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("INFO clients says %q", text)
	}
	conn, err := pgx.Connect(t.Context(), s.postgres.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var toPostgres int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'").Scan(&toPostgres); err != nil {
		t.Fatal(err)
	}
	return toRedis + toPostgres
}

// What a median of the last third may be above that of the first, beyond chance.
const (
	moreGoroutines  = 10
	moreHeapKiB     = 4 << 10
	moreHandles     = 5
	moreConnections = 5
)

// growth compares the first third of the samples with the last.
func growth(samples []sample) (report string, grown []string) {
	third := len(samples) / 3
	for _, v := range []struct {
		name string
		of   func(sample) int
		more int
	}{
		{"goroutines", func(s sample) int { return s.goroutines }, moreGoroutines},
		{"KiB of heap", func(s sample) int { return s.heapKiB }, moreHeapKiB},
		{"file handles", func(s sample) int { return s.handles }, moreHandles},
		{"connections", func(s sample) int { return s.connections }, moreConnections},
	} {
		before, after := sorted(samples[:third], v.of), sorted(samples[len(samples)-third:], v.of)
		first, last, more := before[third/2], after[third/2], v.more+max(chance(before), chance(after))
		text := fmt.Sprintf("%s: %d, then %d (up to %d more are allowed)", v.name, first, last, more)
		report += "\n" + text
		if last > first+more {
			grown = append(grown, text)
		}
	}
	return report, grown
}

func sorted(samples []sample, of func(sample) int) []int {
	values := make([]int, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	slices.Sort(values)
	return values
}

// chance is what two medians of as many values may differ by: three standard errors of their
// difference, which are four times the quartiles' distance over the root of the number.
func chance(sorted []int) int {
	n := len(sorted)
	return int(4 * float64(sorted[n*3/4]-sorted[n/4]) / math.Sqrt(float64(n)))
}

// TestGrowth: what grows by more than is allowed is found, and what goes up and down is not.
func TestGrowth(t *testing.T) {
	var steady, restless, leaking []sample
	for i := range 30 {
		steady = append(steady, sample{100 + i%7, 5000 + i%11*100, 20 + i%3, 9 + i%4})
		leaking = append(leaking, sample{100 + i, 5000 + 400*i, 20 + i, 9 + i})
		restless = append(restless, sample{80 + i*7%20 + i/20*20, 5000 + i%11*100, 20 + i%3, 9 + i%4})
	}
	if _, grown := growth(steady); len(grown) > 0 {
		t.Errorf("steady: %s", grown)
	}
	if _, grown := growth(restless); len(grown) > 0 {
		t.Errorf("restless: %s", grown)
	}
	if _, grown := growth(leaking); len(grown) != 4 {
		t.Errorf("leaking: only %s", grown)
	}
}
