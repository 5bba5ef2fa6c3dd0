package histories

import (
	"context"
	"slices"

	"github.com/checkpointstore/checkpoint/driver"
)

// recalling has other audit entries than the engine.
type recalling struct {
	engine
	change func([]driver.AuditEntry) []driver.AuditEntry
}

func (d recalling) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	entries, err := d.engine.(driver.Historian).History(ctx, key, n)
	return d.change(entries), err
}

func without(op string) func([]driver.AuditEntry) []driver.AuditEntry {
	return func(entries []driver.AuditEntry) []driver.AuditEntry {
		return slices.DeleteFunc(entries, func(e driver.AuditEntry) bool { return e.Op == op })
	}
}

func latestTwice(entries []driver.AuditEntry) []driver.AuditEntry {
	return append(entries[:1:1], entries...)
}
