package sqlitestore

import (
	"math"
	"runtime"
	"testing"
	"time"
	"weak"
)

// TestQueueForgetsWhatWasTaken: a job holds the writes of its call.
func TestQueueForgetsWhatWasTaken(t *testing.T) {
	for name, take := range map[string]func(q *queue) []*job{
		"take":      func(q *queue) []*job { return q.take(math.MaxInt) },
		"takeOlder": func(q *queue) []*job { return q.takeOlder(time.Now().Add(time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			q := newQueue()
			var jobs []weak.Pointer[job]
			for range 3 {
				j := &job{size: 1, from: time.Now()}
				jobs = append(jobs, weak.Make(j))
				if err := q.add(j); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(take(q)); n != len(jobs) {
				t.Fatalf("%d jobs of %d were taken", n, len(jobs))
			}
			runtime.GC()
			for i, j := range jobs {
				if j.Value() != nil {
					t.Errorf("job %d was taken and done, and is still held", i)
				}
			}
			runtime.KeepAlive(q)
		})
	}
}
