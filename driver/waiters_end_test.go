package driver

import (
	"errors"
	"testing"
)

// TestListenerThatFailsAfterCloseChangesNothing: its goroutine may be about to end the
// waiters while Close does.
func TestListenerThatFailsAfterCloseChangesNothing(t *testing.T) {
	w := NewWaiters(nil)
	w.Close()
	w.end(errors.New("the connection is lost"))
	if _, err := w.Add(t.Context(), []string{"x"}); !errors.Is(err, ErrClosed) {
		t.Errorf("Add after Close: %v, want ErrClosed", err)
	}
}
