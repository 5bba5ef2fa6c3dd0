package rewind

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/duration"
)

// Where reads where a person wants to go from now: a position, the start or the
// head of the log, a time, or how long ago.
func Where(ctx context.Context, store *checkpoint.Store, text string, now time.Time) (Target, error) {
	text = strings.TrimSpace(text)
	switch text {
	case "start":
		return To(checkpoint.Position{}), nil
	case "head":
		return Head(ctx, store), nil
	}
	if p, err := checkpoint.ParsePosition(text); err == nil {
		return To(p), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		ago, err := duration.Parse(text)
		if err != nil || ago <= 0 {
			return nil, fmt.Errorf("%q is neither start nor head, no position such as 1200 or C:12/P:34, no time such as 2026-01-02T15:04:05Z, and no time ago such as 2h or 3d", text)
		}
		at = now.Add(-ago)
	}
	if at.After(now) {
		return nil, fmt.Errorf("the time %s has not come", text)
	}
	return At(ctx, store, at), nil
}
