package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// unreadable fails to scan, and counts how often it was asked to.
type unreadable struct {
	driver.Driver
	scans int
}

var errUnreadable = errors.New("the test's reason")

func (d *unreadable) Scan(context.Context, string, int) iter.Seq2[[]string, error] {
	d.scans++
	return func(yield func([]string, error) bool) { yield(nil, errUnreadable) }
}

func TestMeasuringCostsEndsWithTheFirstError(t *testing.T) {
	d := &unreadable{Driver: memstore.New()}
	s := sized{
		open:   func(context.Context) (*checkpoint.Store, error) { return checkpoint.New(memstore.New(), nil), nil },
		bytes:  func(context.Context) (int64, error) { return 1, nil },
		reopen: func(context.Context) (*checkpoint.Store, error) { return checkpoint.New(d, nil), nil },
	}
	r := newReport(settings{keys: 1000, rounds: 3}, io.Discard)
	if costs, err := measureCosts(t.Context(), r, s); !errors.Is(err, errUnreadable) || d.scans != 1 {
		t.Errorf("costs are %v, %v, after %d scans; want the first one's error", costs, err, d.scans)
	}
}
