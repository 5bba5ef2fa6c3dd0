package rewind

import (
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
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
		return fmt.Sprintf("%s (ends %s)", c.Lease.Owner, text.Ahead(now, c.Lease.ExpiresAt))
	case Unfenced(c, now):
		return "nobody: stop its consumer"
	case c.Fence.Epoch != 0:
		return fmt.Sprintf("epochs up to %d", c.Fence.Epoch)
	}
	return ""
}

// Holder names the holder of the lease, and for how long it holds it.
func Holder(c *checkpoint.Cell, now time.Time) string {
	return fmt.Sprintf("%q, whose lease ends %s", c.Lease.Owner, text.Ahead(now, c.Lease.ExpiresAt))
}

// LockedOut says which writers cannot write once the fence is raised. It returns "" if it
// knows of none.
func LockedOut(c *checkpoint.Cell, now time.Time) string {
	switch {
	case Held(c, now):
		return "the fence locks out " + Holder(c, now)
	case c.Fence.Epoch != 0:
		return fmt.Sprintf("the fence locks out every writer with epoch %d or a lower one", c.Fence.Epoch)
	}
	return ""
}

// Standing says at which position, and with which epoch, the checkpoint of a cell stands.
func Standing(cell *checkpoint.Cell) string {
	switch c := cell.Checkpoint; {
	case !c.Exists:
		return "nothing"
	case c.Err != nil:
		return "a damaged checkpoint"
	default:
		return Place(c.Mark)
	}
}

// Place is the position and the epoch of a mark.
func Place(m checkpoint.Mark) string {
	if m.Epoch == 0 {
		return m.Position.String() + " (no epoch)"
	}
	return fmt.Sprintf("%s (epoch %d)", m.Position, m.Epoch)
}
