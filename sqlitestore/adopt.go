package sqlitestore

import (
	"context"
	"slices"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

const (
	sqlHasEntries = "SELECT EXISTS (SELECT 1 FROM audit WHERE key = ?)"
	sqlHasSamples = "SELECT EXISTS (SELECT 1 FROM samples WHERE key = ?)"
)

var _ driver.Adopter = (*Driver)(nil)

// Adopt implements [driver.Adopter]. It stores the entries and the samples in one
// transaction. Damaged samples stay.
func (d *Driver) Adopt(ctx context.Context, key string, entries []driver.AuditEntry, samples []driver.Sample) error {
	// The writer may still read the slices when the caller has given up.
	entries, samples = slices.Clone(entries), slices.Clone(samples)
	return d.change(ctx, 1+len(entries), func(t *transaction) error {
		if err := t.adoptEntries(key, entries); err != nil {
			return err
		}
		return t.adoptSamples(key, samples)
	})
}

func (t *transaction) adoptEntries(key string, entries []driver.AuditEntry) error {
	var has bool
	if err := t.scan([]any{&has}, sqlHasEntries, key); err != nil || has {
		return err
	}
	for _, e := range slices.Backward(entries) {
		if err := t.note(key, &e); err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) adoptSamples(key string, samples []driver.Sample) error {
	var has bool
	if err := t.scan([]any{&has}, sqlHasSamples, key); err != nil || has || len(samples) == 0 {
		return err
	}
	var kept []driver.Sample
	for _, s := range slices.Backward(samples) {
		kept = cell.KeepSample(kept, s)
	}
	return t.storeSamples(key, kept)
}
