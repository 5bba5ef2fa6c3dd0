package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

// Each transaction that leaves audit entries for a key stores them under one etcd key. Its
// name ends with the number of the latest of them. The numbers of a key begin with 1, and
// have no gaps.

// numberDigits is how many digits a number has, so that the names are in its order.
const numberDigits = 19

// auditFolder returns what stands before the numbers. No key's folder is inside another's.
func (d *Driver) auditFolder(key string) string {
	return d.prefix + "audit/" + escape.Replace(key) + "/"
}

var escape = strings.NewReplacer("%", "%25", "/", "%2F")

func auditKey(folder string, n uint64) string {
	return fmt.Sprintf("%s%0*d", folder, numberDigits, n)
}

// A trail is what a driver knows of the audit entries of a key. It is a guess, as the rest
// of the memory is. The zero trail has no entry.
type trail struct {
	last     uint64 // the number of the latest entry
	revision int64  // of the latest change of any entry
}

// trailOf returns the trail that kvs tell. A name that is no number must not stop a change
// of the key: History says what is wrong with it.
func trailOf(folder string, kvs []*mvccpb.KeyValue) (t trail) {
	for _, kv := range kvs {
		t.revision = max(t.revision, kv.ModRevision)
		if n, err := numberOf(folder, kv); err == nil {
			t.last = max(t.last, n)
		}
	}
	return t
}

func numberOf(folder string, kv *mvccpb.KeyValue) (uint64, error) {
	digits := string(kv.Key[len(folder):])
	if len(digits) != numberDigits {
		return 0, errors.New("its name does not end with a number of 19 digits")
	}
	return strconv.ParseUint(digits, 10, 62) // leaves place for later numbers
}

func readTrail(folder string) clientv3.Op {
	return clientv3.OpGet(folder, clientv3.WithPrefix(), clientv3.WithKeysOnly())
}

// notes are what the changes of a key do to its audit entries.
type notes struct {
	forgets bool // whether the earlier entries go
	entries []driver.AuditEntry
}

func (n *notes) add(made decision) {
	if made.forgets {
		*n = notes{forgets: true}
	}
	if made.entry != nil {
		n.entries = append(n.entries, *made.entry)
	}
}

func (n *notes) any() bool { return n.forgets || len(n.entries) > 0 }

// unchanged returns the comparisons of a transaction that leaves entries: t tells the
// latest entry.
func (t *trail) unchanged(folder string) []clientv3.Cmp {
	last := auditKey(folder, t.last)
	none := clientv3.Compare(clientv3.ModRevision(last), "<", t.revision+1).WithRange(clientv3.GetPrefixRangeEnd(folder))
	if t.last == 0 {
		return []clientv3.Cmp{none}
	}
	return []clientv3.Cmp{none, clientv3.Compare(clientv3.CreateRevision(last), ">", 0)}
}

// store returns the operations that make notes, over the trail t.
func (n *notes) store(folder string, t *trail) (ops []clientv3.Op) {
	last := t.last + uint64(len(n.entries))
	switch {
	case n.forgets && len(n.entries) == 0:
		return []clientv3.Op{clientv3.OpDelete(folder, clientv3.WithPrefix())}
	case n.forgets:
		ops = append(ops, clientv3.OpDelete(folder, clientv3.WithRange(auditKey(folder, t.last+1))))
	case last > driver.AuditEntries:
		ops = append(ops, clientv3.OpDelete(folder, clientv3.WithRange(auditKey(folder, last-driver.AuditEntries+1))))
	}
	return append(ops, clientv3.OpPut(auditKey(folder, last), string(encodeEntries(n.kept()))))
}

// kept returns the entries without those that AuditEntries later ones follow.
func (n *notes) kept() []driver.AuditEntry {
	return n.entries[max(0, len(n.entries)-driver.AuditEntries):]
}

// stored returns the trail after a transaction has made notes at revision.
func (n *notes) stored(t trail, revision int64) trail {
	switch {
	case len(n.entries) > 0:
		return trail{t.last + uint64(len(n.entries)), revision}
	case n.forgets:
		return trail{}
	}
	return t
}

// size is at most how many bytes the operations of notes have.
func (n *notes) size(folder string) int {
	const names, entry = 9, 2 << 10 // JSON may double the texts
	return names*(len(folder)+numberDigits) + len(n.kept())*entry
}

var _ driver.Historian = (*Driver)(nil)

// History implements [driver.Historian].
func (d *Driver) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	n = min(n, driver.AuditEntries)
	folder := d.auditFolder(key)
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
		more, err := entriesOf(folder, kv)
		if err != nil {
			return nil, &hintedError{
				fmt.Sprintf("the etcd key %q holds %s", kv.Key, quote(kv.Value)), "remove the etcd key with etcdctl del: the other audit entries of the key stay", err,
			}
		}
		entries = append(entries, more...)
	}
	return entries[:min(n, len(entries))], nil
}

// entriesOf returns the entries of one etcd key, the latest first.
func entriesOf(folder string, kv *mvccpb.KeyValue) ([]driver.AuditEntry, error) {
	if _, err := numberOf(folder, kv); err != nil {
		return nil, err
	}
	return decodeEntries(kv.Value)
}
