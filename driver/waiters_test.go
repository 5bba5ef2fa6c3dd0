package driver_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/checkpointstore/checkpoint/driver"
)

var errGaveUp = errors.New("the listener gave up")

// A radio is a listener that tests command.
type radio struct {
	heard   chan []string // what Diff said: come, then gone
	broken  chan error    // ends the connection, or the listener if it has an error
	started int
	ended   int
}

func newRadio() *radio { return &radio{heard: make(chan []string, 10), broken: make(chan error)} }

func (r *radio) listen(ctx context.Context, w *driver.Waiters) error {
	r.started++
	defer func() { r.ended++ }()
	for anew := true; ; {
		come, gone := w.Diff(anew)
		slices.Sort(come)
		r.heard <- append(append(come, "-"), gone...)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-r.broken:
			if err != nil {
				return err
			}
			anew = true
		case <-w.Changed():
			anew = false
		}
	}
}

// latest is the last that Diff said.
func (r *radio) latest() []string {
	synctest.Wait()
	var last []string
	for len(r.heard) > 0 {
		if next := <-r.heard; len(next) > 1 {
			last = next
		}
	}
	return last
}

func woken(c <-chan struct{}) bool {
	synctest.Wait()
	select {
	case _, open := <-c:
		return open
	default:
		return false
	}
}

func closed(c <-chan struct{}) bool {
	synctest.Wait()
	select {
	case _, open := <-c:
		return !open
	default:
		return false
	}
}

func TestWaitersShareAListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRadio()
		w := driver.NewWaiters(r.listen)
		defer w.Close()
		ctx, cancel := context.WithCancel(t.Context())
		a, _ := w.Add(ctx, []string{"x", "y"})
		b, _ := w.Add(t.Context(), []string{"y"})
		if got := r.latest(); !slices.Equal(got, []string{"x", "y", "-"}) {
			t.Errorf("the listener is told of %q", got)
		}
		if woken(a) || woken(b) {
			t.Error("a waiter is woken before anybody listens")
		}
		w.Heard("x")
		if !woken(a) || woken(b) {
			t.Error("who waits for x is not woken alone when the listener listens for x")
		}
		w.Heard("y")
		w.Wake("y")
		if !woken(a) || !woken(b) || woken(a) || woken(b) {
			t.Error("two wake-ups are not one")
		}
		late, _ := w.Add(t.Context(), []string{"y"})
		if !woken(late) {
			t.Error("who comes when the listener listens already is not woken")
		}
		cancel()
		if !closed(a) || closed(b) {
			t.Error("the channel of a waiter does not end with the context of that waiter alone")
		}
		if got := r.latest(); !slices.Equal(got, []string{"-", "x"}) {
			t.Errorf("the listener is told of %q, want that nobody waits for x", got)
		}
		r.broken <- nil
		if got := r.latest(); !slices.Equal(got, []string{"y", "-"}) {
			t.Errorf("after a broken connection the listener is told of %q", got)
		}
		if r.started != 1 {
			t.Errorf("%d listeners were started", r.started)
		}
	})
}

func TestListenerRunsWhileSomebodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRadio()
		w := driver.NewWaiters(r.listen)
		for n := range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			_, _ = w.Add(ctx, []string{"x"})
			synctest.Wait()
			if r.started != n+1 || r.ended != n {
				t.Errorf("with waiter %d, %d listeners were started and %d have ended", n, r.started, r.ended)
			}
			cancel()
			synctest.Wait()
			if r.ended != n+1 {
				t.Error("the listener goes on when nobody waits")
			}
			r.latest()
		}
		c, _ := w.Add(t.Context(), []string{"x"})
		w.Close()
		if !closed(c) || r.ended != 4 {
			t.Error("Close does not end the waiter and the listener")
		}
		if _, err := w.Add(t.Context(), []string{"x"}); !errors.Is(err, driver.ErrClosed) {
			t.Errorf("Add after Close: %v, want ErrClosed", err)
		}
	})
}

func TestListenerThatGivesUpEndsTheWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRadio()
		w := driver.NewWaiters(r.listen)
		c, _ := w.Add(t.Context(), []string{"x"})
		r.broken <- errGaveUp
		if !closed(c) {
			t.Error("the channel stays open")
		}
		if _, err := w.Add(t.Context(), []string{"x"}); !errors.Is(err, errGaveUp) {
			t.Errorf("Add afterwards: %v, want the listener's error", err)
		}
		w.Close()
	})
}

func TestLeaseEndsWithoutANotifier(t *testing.T) {
	if _, err := driver.LeaseEnds(t.Context(), struct{ driver.Driver }{}, nil); !errors.Is(err, driver.ErrUnsupported) {
		t.Errorf("the error is %v, want ErrUnsupported", err)
	}
}

func TestCloseGivesUpAListenerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		w := driver.NewWaiters(func(context.Context, *driver.Waiters) error {
			<-hang
			return nil
		})
		c, _ := w.Add(t.Context(), []string{"x"})
		w.Close()
		if !closed(c) {
			t.Error("the channel stays open")
		}
		close(hang)
	})
}
