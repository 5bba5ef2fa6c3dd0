package etcdstore

import (
	"context"
	"errors"
	"testing"
)

// TestOpenEndsWithItsContext: a client with a user asks for a token before anything else.
func TestOpenEndsWithItsContext(t *testing.T) {
	for _, url := range []string{"etcd://127.0.0.1:1", "etcd://user:password@127.0.0.1:1"} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := Open(ctx, url, nil)
			done <- err
		}()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Open(%q) after its context: %v, want context.Canceled", url, err)
		}
	}
}
