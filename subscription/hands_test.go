package subscription

import (
	"context"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// TestNoHandlerBeginsAfterTheEnd of the subscription: Close may have found no handler at
// work, and may have released the lease. The context of Run ends a little later.
func TestNoHandlerBeginsAfterTheEnd(t *testing.T) {
	var h hands
	own := h.add()
	life, end := context.WithCancel(t.Context())
	if !own.begin(checkpoint.Position{Commit: 1}, time.Now(), life, t.Context()) || !h.busy() {
		t.Error("a handler does not begin")
	}
	own.put()
	end()
	if own.begin(checkpoint.Position{Commit: 2}, time.Now(), life, t.Context()) || h.busy() {
		t.Error("a handler begins after the end of the subscription")
	}
}
