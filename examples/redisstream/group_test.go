package main

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// TestStreamsAreSharedOut has instances that come, end and are killed while orders are
// written. Each order takes effect exactly once.
func TestStreamsAreSharedOut(t *testing.T) {
	w := newWorld(t)
	w.ttl = 2 * time.Second
	w.streams = []string{"asia", "eu", "mea", "latam", "uk", "us"}
	a := w.start("-first-run", "-member", "a")
	w.waitForHeads() // no stream has events: then the read model is made
	b, c := w.start("-member", "b"), w.start("-member", "c")
	w.waitUntilShared("a", "b", "c")
	w.writeWhile(func() {
		w.terminate(a)
		w.waitUntilShared("b", "c")
	})
	w.writeWhile(func() {
		w.kill(b)
		w.waitUntilShared("c")
	})
	d := w.start("-member", "d")
	w.writeWhile(func() { w.waitUntilShared("c", "d") })
	w.waitForHeads()
	w.terminate(c)
	w.terminate(d)
	if n := w.wantExactlyOnce(); n != len(w.written) {
		t.Errorf("%d of %d events took effect", n, len(w.written))
	}
}

// writeWhile writes orders until f returns.
func (w *world) writeWhile(f func()) {
	done := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			w.write(w.Context(), 4, 8)
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	f()
	close(done)
	writer.Wait()
}

// waitUntilShared waits until the members hold all streams, each as many as another.
func (w *world) waitUntilShared(members ...string) {
	w.Helper()
	store := w.store()
	defer store.Close()
	want := make(map[string]int)
	for _, member := range members {
		want[member] = len(w.streams) / len(members)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		held := w.held(store)
		if maps.Equal(held, want) {
			return
		}
		if time.Now().After(deadline) {
			w.Fatalf("after %v the members hold %v, want %v", patience, held, want)
		}
	}
}

// held returns how many streams each member holds.
func (w *world) held(store *checkpoint.Store) map[string]int {
	w.Helper()
	held := make(map[string]int)
	for cell, err := range store.InspectAll(w.Context(), groupName+"/*") {
		if err != nil {
			w.Fatal(err)
		}
		if owner := cell.Lease.Owner; owner != "" {
			held[owner]++
		}
	}
	return held
}
