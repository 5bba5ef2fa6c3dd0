package etcdstore

import (
	"context"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.Historian = (*Driver)(nil)

// History implements [driver.Historian].
func (d *Driver) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	n = min(n, driver.AuditEntries)
	folder := d.ledgerFolder(auditLedger, key)
	resp, err := d.ask(ctx, clientv3.OpGet(folder, clientv3.WithPrefix(),
		clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend), clientv3.WithLimit(int64(n))))
	if err != nil {
		return nil, d.failure(ctx, err)
	}
	var entries []driver.AuditEntry
	for _, kv := range resp.Get().Kvs {
		if len(entries) >= n {
			break
		}
		items, err := decodeItems(folder, kv, func(e *entryJSON) bool { return !e.At.IsZero() && e.Op != "" })
		if err != nil {
			return nil, err
		}
		for _, e := range slices.Backward(items) {
			entries = append(entries, e.entry())
		}
	}
	return entries[:min(n, len(entries))], nil
}

type entryJSON struct {
	At       stamp            `json:"at"`
	Op       string           `json:"op"`
	Actor    string           `json:"actor,omitempty"`
	Reason   string           `json:"reason,omitempty"`
	Old      *driver.Position `json:"old,omitempty"` // nil: there was none, or it was damaged
	New      *driver.Position `json:"new,omitempty"`
	OldEpoch uint64           `json:"oldEpoch,omitempty,string"`
	NewEpoch uint64           `json:"newEpoch,omitempty,string"`
}

func (e *entryJSON) entry() driver.AuditEntry {
	return driver.AuditEntry{
		At: time.Time(e.At), Op: e.Op, By: driver.By{Actor: e.Actor, Reason: e.Reason},
		Old: e.Old, New: e.New, OldEpoch: e.OldEpoch, NewEpoch: e.NewEpoch,
	}
}

func encodeEntries(entries []driver.AuditEntry) []byte {
	items := make([]entryJSON, len(entries))
	for i, e := range entries {
		items[i] = entryJSON{stamp(e.At), e.Op, e.Actor, e.Reason, e.Old, e.New, e.OldEpoch, e.NewEpoch}
	}
	return encode(items)
}
