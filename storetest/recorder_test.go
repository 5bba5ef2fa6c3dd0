package storetest_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/checkpointstore/checkpoint/storetest"
)

// A recorder takes note of a test's failure in place of failing.
type recorder struct {
	testing.TB
	name string
	ctx  context.Context

	mu       sync.Mutex
	failed   bool
	log      []string
	cleanups []func()
}

// observe runs a case as a test of its own and returns what became of it.
func observe(tb testing.TB, c storetest.Case, h storetest.Harness) *recorder {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &recorder{TB: tb, name: c.Name, ctx: ctx}
	r.apart(func() { c.Run(r, h) })
	cancel()
	for _, cleanup := range slices.Backward(r.cleanups) {
		r.apart(cleanup)
	}
	return r
}

// apart runs f in a goroutine that FailNow may end.
func (r *recorder) apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.Errorf("panic: %v", p)
			}
		}()
		f()
	}()
	<-done
}

func (r *recorder) Name() string             { return r.name }
func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) write(line string, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, line)
	r.failed = r.failed || failed
}

func (r *recorder) Log(args ...any)                   { r.write(fmt.Sprint(args...), false) }
func (r *recorder) Logf(format string, args ...any)   { r.write(fmt.Sprintf(format, args...), false) }
func (r *recorder) Error(args ...any)                 { r.write(fmt.Sprint(args...), true) }
func (r *recorder) Errorf(format string, args ...any) { r.write(fmt.Sprintf(format, args...), true) }
func (r *recorder) Fail()                             { r.write("Fail", true) }

func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) FailNow() {
	r.Fail()
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) output() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.log, "\n")
}
