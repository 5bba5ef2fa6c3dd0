package pgstore

import (
	"context"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// A past is what another store has kept of a key, the latest first.
type past struct {
	key     string
	entries []driver.AuditEntry
	samples []driver.Sample
}

var _ driver.Adopter = (*Driver)(nil)

// Adopt implements [driver.Adopter]. It stores the entries and the samples in one
// transaction.
func (d *Driver) Adopt(ctx context.Context, key string, entries []driver.AuditEntry, samples []driver.Sample) error {
	// The transaction may still read the slices when the caller has given up.
	p := &past{key, slices.Clone(entries), slices.Clone(samples)}
	return d.make(ctx, []string{key}, fences|checkpoints, func(_ int, before cell.Cell, _ time.Time) (cell.Cell, trace) {
		return before, trace{past: p}
	})
}

// statements return the statements that store p. Each looks for what the key has, since each
// sees what others have committed before the key was locked.
func (p *past) statements(sql *statements, namespace string) (store []*statement) {
	var entries auditLists
	for _, e := range slices.Backward(p.entries) {
		entries.add(p.key, &e)
	}
	var kept samples
	for _, s := range p.samples {
		kept.add(p.key, s)
	}
	if len(p.entries) > 0 {
		store = append(store, &statement{sql: sql.adoptAudit, args: entries.args(namespace)})
	}
	if len(p.samples) > 0 {
		store = append(store, &statement{sql: sql.adoptSamples, args: kept.args(namespace)})
	}
	return store
}
