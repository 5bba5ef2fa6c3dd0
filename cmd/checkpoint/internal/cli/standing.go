package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
)

// A standing is what a key holds before a command changes it.
type standing struct {
	checkpoint.Cell
	at time.Time // when it was read
}

// stand reads what key holds.
func stand(ctx context.Context, store *checkpoint.Store, key string) (standing, error) {
	cell, err := rewind.Before(ctx, store, key)
	return standingOf(cell), err
}

func standingOf(cell checkpoint.Cell) standing { return standing{cell, time.Now()} }

// held reports whether somebody holds the lease now.
func (s *standing) held() bool { return rewind.Held(&s.Cell, s.at) }

// holder names the holder of the lease, and for how long it holds it.
func (s *standing) holder() string { return rewind.Holder(&s.Cell, s.at) }

// unfenced reports whether a consumer without a lease may be at work: nobody holds the
// lease, and the last write had no epoch.
func (s *standing) unfenced() bool { return rewind.Unfenced(&s.Cell, s.at) }

// lockedOut names the writers that cannot write once the fence is raised.
func (s *standing) lockedOut() string { return rewind.LockedOut(&s.Cell, s.at) }

// raisedBy says that a write with this epoch raised the fence, and whose lease that
// ended. It returns "" if the write did not raise the fence, or if the write was stored
// and ended no lease.
func (s *standing) raisedBy(epoch uint64, stored bool) string {
	said := fmt.Sprintf("the write raised the fence of %q from %d to %d", s.Key, s.Fence.Epoch, epoch)
	switch {
	case epoch <= s.Fence.Epoch:
		return ""
	case s.held():
		return said + fmt.Sprintf(", which ended the lease of %q", s.Lease.Owner)
	case stored:
		return ""
	}
	return said
}

// missing is the error of a command on a key that must hold something.
func (a *app) missing(key, remedy string) error {
	text := fmt.Sprintf("no checkpoint %q in %s", key, engine.Redact(a.storeName()))
	return saidError{strings.TrimSuffix(text+"; "+remedy, "; "), checkpoint.ErrNotFound}
}
