package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// A host stands in for a test where package redistest wants one: it ends what
// was started, and removes everything in its folder.
type host struct {
	dir      string
	built    map[string]*benchmarks // by folder
	cleanups []func()
}

func (*host) Helper() {}

// failure is what Fatalf panics with, since it may not return.
type failure struct{ error }

func (*host) Fatalf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

func (*host) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (h *host) Cleanup(f func()) { h.cleanups = append(h.cleanups, f) }

func (h *host) TempDir() string {
	dir, err := os.MkdirTemp(h.dir, "")
	if err != nil {
		h.Fatalf("no folder: %v", err)
	}
	return dir
}

// guard returns as an error what f or anything in it says by Fatalf.
func (h *host) guard(f func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			err = p.error
		default:
			panic(p)
		}
	}()
	return f()
}

func (h *host) cleanup() error {
	var errs []error
	for _, f := range slices.Backward(h.cleanups) {
		errs = append(errs, h.guard(func() error { f(); return nil }))
	}
	h.cleanups = nil
	return errors.Join(append(errs, os.RemoveAll(h.dir))...)
}
