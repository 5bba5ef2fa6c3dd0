package sqlitestore_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// TestClockThatIsSetBack: a standby waits for the TTL of the lease, and not for as
// long as the clock jumped. The rows are moved ahead, as the clock is nobody's to
// set.
func TestClockThatIsSetBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	d := openAt(t, path)
	const ttl = 30 * time.Second
	lease := acquire(t, d, "k", "a", ttl)
	jump := func() {
		t.Helper()
		run(t, shell(t, path), `UPDATE leases SET expires_at = strftime('%Y-%m-%dT%H:%M:%fZ', expires_at, '+1 hour'),
			granted_at = strftime('%Y-%m-%dT%H:%M:%fZ', granted_at, '+1 hour')`)
	}
	bounded := func() {
		t.Helper()
		// The asker's TTL is not the holder's.
		_, err := tryAcquire(t.Context(), d, "k", "b", time.Minute)
		var held *driver.LeaseHeldError
		if latest := time.Now().Add(ttl + time.Millisecond); !errors.As(err, &held) || held.ExpiresAt.After(latest) {
			t.Errorf("Acquire by another: %v; want that the lease ends by %s", err, latest.UTC())
		}
	}
	jump()
	bounded()
	jump() // once more
	bounded()
	jump()
	renewed, err := renew(t.Context(), d, lease, ttl)
	if latest := time.Now().Add(ttl + time.Millisecond); err != nil || renewed.ExpiresAt.After(latest) {
		t.Errorf("Renew = %+v, %v; want that it ends by %s", renewed, err, latest.UTC())
	}
	mustBeHeld(t, d, renewed)
}
