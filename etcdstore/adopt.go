package etcdstore

import (
	"context"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.Adopter = (*Driver)(nil)

// Adopt implements [driver.Adopter]. It stores the entries in one transaction, and the
// samples in another. If the answer to one of them is lost, Adopt sends that one again. If
// it has landed before, this changes nothing.
func (d *Driver) Adopt(ctx context.Context, key string, entries []driver.AuditEntry, samples []driver.Sample) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	rare := slices.DeleteFunc(slices.Clone(samples), func(s driver.Sample) bool { return !s.Hourly })
	var audit, sampling operations
	begin(&audit, auditLedger, d.ledgerFolder(auditLedger, key), entries, encodeEntries)
	begin(&sampling, sampleLedger, d.ledgerFolder(sampleLedger, key), samples, encodeSamples)
	begin(&sampling, hourLedger, d.ledgerFolder(hourLedger, key), rare, encodeSamples)
	for _, o := range []operations{audit, sampling} {
		if len(o.store) == 0 {
			continue
		}
		if _, err := d.ask(ctx, clientv3.OpTxn(o.unchanged, o.store, nil)); err != nil {
			return d.failure(ctx, err)
		}
	}
	return nil
}

// begin adds what stores the first items of l, if l has none. The items are the latest
// first. They go under many etcd keys, so that later items remove them little by little.
func begin[T any](o *operations, l ledger, folder string, items []T, encode func([]T) []byte) {
	items = slices.Clone(items)
	slices.Reverse(items)
	o.unchanged = append(o.unchanged, clientv3.Compare(clientv3.CreateRevision(folder), "=", 0).WithPrefix())
	last := uint64(0)
	for block := range slices.Chunk(latest(l, items), together) {
		last += uint64(len(block))
		o.store = append(o.store, clientv3.OpPut(itemKey(folder, last), string(encode(block))))
	}
}
