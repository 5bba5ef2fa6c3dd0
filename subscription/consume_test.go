package subscription_test

import (
	"context"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/subscription"
)

// TestSecondRunIsRefused: events of the first may be in work, and the reader would
// begin where the first one did.
func TestSecondRunIsRefused(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		h := handling(func(context.Context, uint64) error { return nil })
		if err := subscription.Run(b.Context(), s, events(10), h); err != nil {
			b.Fatal(err)
		}
		err := subscription.Run(b.Context(), s, events(10), h)
		if err == nil || !strings.Contains(err.Error(), "Run was called before") {
			b.Errorf("a second Run: %v; want that it is refused", err)
		}
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		b.wantStored(10)
	})
}
