package etcdstore

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

// A ledger is what a key keeps of its past: the latest items of a kind. Each transaction
// that adds items to a ledger stores them under one etcd key. Its name ends with the number
// of the latest of them. The numbers of a ledger begin with 1, and have no gaps. A driver
// puts several samples together: an etcd key costs more than a sample.
type ledger int

const (
	auditLedger ledger = iota
	sampleLedger
	hourLedger // the hourly samples again
	ledgers
)

var ledgerFolders = [ledgers]string{"audit/", "samples/", "hours/"}

// ledgerLimits are how many items are kept.
var ledgerLimits = [ledgers]int{driver.AuditEntries, driver.SampleCount, driver.HourlySampleCount}

// numberDigits is how many digits a number has, so that the names are in its order.
const numberDigits = 19

// ledgerFolder returns what stands before the numbers. No key's folder is inside another's.
func (d *Driver) ledgerFolder(l ledger, key string) string { return d.folder(ledgerFolders[l], key) }

func (d *Driver) folder(name, key string) string { return d.prefix + name + escape.Replace(key) + "/" }

var escape = strings.NewReplacer("%", "%25", "/", "%2F")

func itemKey(folder string, n uint64) string {
	return fmt.Sprintf("%s%0*d", folder, numberDigits, n)
}

// A trail is what a driver knows of a ledger. It is a guess, as the rest of the memory is.
// The zero trail has no item.
type trail struct {
	last     uint64          // the number of the latest item
	revision int64           // of the latest change of any item
	open     []driver.Sample // what the latest etcd key holds, if more samples may come to it
}

type trails [ledgers]trail

// trailOf returns the trail that kvs tell. A name that is no number must not stop a change
// of the key: who reads the ledger is told.
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

// unchanged returns the comparisons that hold if t tells the latest item.
func (t *trail) unchanged(folder string) []clientv3.Cmp {
	last := itemKey(folder, t.last)
	none := clientv3.Compare(clientv3.ModRevision(last), "<", t.revision+1).WithRange(clientv3.GetPrefixRangeEnd(folder))
	if t.last == 0 {
		return []clientv3.Cmp{none}
	}
	return []clientv3.Cmp{none, clientv3.Compare(clientv3.CreateRevision(last), ">", 0)}
}

// decodeItems returns the items of one etcd key, the latest last.
func decodeItems[T any](folder string, kv *mvccpb.KeyValue, sound func(*T) bool) (items []T, err error) {
	if _, err = numberOf(folder, kv); err == nil {
		err = decode(kv.Value, &items)
	}
	switch {
	case err != nil:
	case len(items) == 0:
		err = errors.New("it has no item")
	case slices.ContainsFunc(items, func(item T) bool { return !sound(&item) }):
		err = errors.New("a field is missing")
	default:
		return items, nil
	}
	return nil, &hintedError{
		fmt.Sprintf("the etcd key %q holds %s", kv.Key, quote(kv.Value)), "remove the etcd key with etcdctl del: the others of its kind stay",
		fmt.Errorf("%w: %w", driver.ErrCorruptHistory, err),
	}
}
