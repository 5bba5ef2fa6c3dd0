package rivals

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

// Etcd is etcd's client as a user would call it: a transaction that compares a revision
// for each write. It remembers what it wrote last, so that a write is one round trip.
type Etcd struct {
	client *clientv3.Client
	mu     sync.Mutex
	last   map[string]written
}

type written struct {
	revision int64
	position driver.Position
}

// NewEtcd makes one. The client is the driver's from then on.
func NewEtcd(client *clientv3.Client) *Etcd {
	return &Etcd{client: client, last: make(map[string]written)}
}

const etcdPrefix = "rival/"

func positionText(p driver.Position) string { return fmt.Sprintf("%d %d", p.Commit, p.Prepare) }

func parsePosition(key, value string) driver.Record {
	commit, prepare, _ := strings.Cut(value, " ")
	return record(key, commit, prepare)
}

// Get implements [driver.Driver].
func (d *Etcd) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	records := make([]driver.Record, len(keys))
	for i, key := range keys {
		resp, err := d.client.Get(ctx, etcdPrefix+key)
		if err != nil {
			return nil, err
		}
		records[i] = driver.Record{Key: key, Err: driver.ErrNotFound}
		if len(resp.Kvs) == 1 {
			records[i] = parsePosition(key, string(resp.Kvs[0].Value))
		}
	}
	return records, nil
}

// Write implements [driver.Driver], one write after another.
func (d *Etcd) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	for i := range writes {
		results[i] = result(d.write(ctx, &writes[i]))
	}
	return results, nil
}

func (d *Etcd) write(ctx context.Context, w *driver.Write) (stored int64, err error) {
	key := etcdPrefix + w.Key
	d.mu.Lock()
	last := d.last[w.Key]
	d.mu.Unlock()
	for {
		if last.revision != 0 && w.Position.Compare(last.position) < 0 {
			return 0, nil
		}
		resp, err := d.client.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(key), "=", last.revision)).
			Then(clientv3.OpPut(key, positionText(w.Position))).
			Else(clientv3.OpGet(key)).
			Commit()
		if err != nil {
			return 0, err
		}
		if resp.Succeeded {
			d.mu.Lock()
			d.last[w.Key] = written{resp.Header.Revision, w.Position}
			d.mu.Unlock()
			return 1, nil
		}
		last = written{}
		if kvs := resp.Responses[0].GetResponseRange().Kvs; len(kvs) == 1 {
			last = written{kvs[0].ModRevision, parsePosition(w.Key, string(kvs[0].Value)).Position}
		}
	}
}

// Delete implements [driver.Driver].
func (d *Etcd) Delete(ctx context.Context, keys []string) (n int, err error) {
	for _, key := range keys {
		resp, err := d.client.Delete(ctx, etcdPrefix+key)
		if err != nil {
			return n, err
		}
		n += int(resp.Deleted)
	}
	return n, nil
}

// Scan implements [driver.Driver], for all keys only, in one page.
func (d *Etcd) Scan(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for records, err := range d.ScanRecords(ctx, pattern, size) {
			keys := make([]string, len(records))
			for i := range records {
				keys[i] = records[i].Key
			}
			if !yield(keys, err) {
				return
			}
		}
	}
}

// ScanRecords implements [driver.RecordScanner], for all keys only, in one page.
func (d *Etcd) ScanRecords(ctx context.Context, _ string, _ int) iter.Seq2[[]driver.Record, error] {
	return func(yield func([]driver.Record, error) bool) {
		resp, err := d.client.Get(ctx, etcdPrefix, clientv3.WithPrefix())
		if err != nil {
			yield(nil, err)
			return
		}
		records := make([]driver.Record, len(resp.Kvs))
		for i, kv := range resp.Kvs {
			records[i] = parsePosition(strings.TrimPrefix(string(kv.Key), etcdPrefix), string(kv.Value))
		}
		yield(records, nil)
	}
}

// Close implements [driver.Driver].
func (d *Etcd) Close() error { return d.client.Close() }
