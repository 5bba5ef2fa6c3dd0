package soak

import (
	"context"
	"fmt"
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

// What a median of the last third may be above that of the first.
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
		first, last := median(samples[:third], v.of), median(samples[len(samples)-third:], v.of)
		text := fmt.Sprintf("%s: %d, then %d (up to %d more are allowed)", v.name, first, last, v.more)
		report += "\n" + text
		if last > first+v.more {
			grown = append(grown, text)
		}
	}
	return report, grown
}

func median(samples []sample, of func(sample) int) int {
	values := make([]int, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// TestGrowth: what grows by more than is allowed is found.
func TestGrowth(t *testing.T) {
	var steady, leaking []sample
	for i := range 30 {
		steady = append(steady, sample{100 + i%7, 5000 + i%11*100, 20 + i%3, 9 + i%4})
		leaking = append(leaking, sample{100 + i, 5000 + 300*i, 20 + i, 9 + i})
	}
	if _, grown := growth(steady); len(grown) > 0 {
		t.Errorf("steady: %s", grown)
	}
	if _, grown := growth(leaking); len(grown) != 4 {
		t.Errorf("leaking: only %s", grown)
	}
}
