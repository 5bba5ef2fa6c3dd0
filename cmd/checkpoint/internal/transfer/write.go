package transfer

import (
	"time"

	"github.com/checkpointstore/checkpoint"
)

// WriteOf returns the write that stores c for the rest of its TTL. lives is false if c
// has expired.
func WriteOf(c checkpoint.Checkpoint) (w checkpoint.Write, lives bool) {
	w = checkpoint.Write{Key: c.Key, Mark: c.Mark, IfNewer: true}
	if c.ExpiresAt.IsZero() {
		return w, true
	}
	w.TTL = time.Until(c.ExpiresAt)
	return w, w.TTL > 0
}
