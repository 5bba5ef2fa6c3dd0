package rewind

import (
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
)

// Held reports whether somebody holds the lease of a cell at now.
func Held(c *checkpoint.Cell, now time.Time) bool {
	l := c.Lease
	return l.Exists() && l.Err == nil && l.Epoch == c.Fence.Epoch && l.ExpiresAt.After(now)
}

// Unfenced reports whether a consumer without a lease may be at work: nobody holds the
// lease, and the last write had no epoch.
func Unfenced(c *checkpoint.Cell, now time.Time) bool {
	return !Held(c, now) && c.Checkpoint.Exists && c.Checkpoint.Err == nil && c.Checkpoint.Epoch == 0
}

// LocksOut names the writers that cannot write once the fence is raised, in few words.
func LocksOut(c *checkpoint.Cell, now time.Time) string {
	switch {
	case Held(c, now):
		return fmt.Sprintf("%s (ends %s)", c.Lease.Owner, output.Ahead(now, c.Lease.ExpiresAt))
	case Unfenced(c, now):
		return "nobody: stop its consumer"
	case c.Fence.Epoch != 0:
		return fmt.Sprintf("epochs up to %d", c.Fence.Epoch)
	}
	return ""
}
