package etcdstore

import (
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

// notes are what the changes of a key add to its ledgers.
type notes struct {
	forgets bool // whether the items go that were there before
	entries []driver.AuditEntry
	samples []driver.Sample
	hourly  []driver.Sample
}

func (n *notes) add(made decision) {
	if made.forgets {
		*n = notes{forgets: true}
	}
	if made.entry != nil {
		n.entries = append(n.entries, *made.entry)
	}
	if made.sample != nil {
		n.samples = append(n.samples, *made.sample)
		if made.sample.Hourly {
			n.hourly = append(n.hourly, *made.sample)
		}
	}
}

func (n *notes) any() bool { return n.forgets || len(n.entries)+len(n.samples) > 0 }

// count returns how many items come to l.
func (n *notes) count(l ledger) int {
	return [ledgers]int{len(n.entries), len(n.samples), len(n.hourly)}[l]
}

// together is how many samples share an etcd key, and how many entries that are adopted.
const together = 12

// block returns the samples that go under one etcd key of l, and whether they take the
// place of the latest one.
func (g *group) block(l ledger) (samples []driver.Sample, extends bool) {
	come := g.notes.samples
	if l == hourLedger {
		come = g.notes.hourly
	}
	open := g.trails[l].open
	if len(open) > 0 && len(open)+len(come) <= together && !g.notes.forgets {
		return slices.Concat(open, come), true
	}
	return latest(l, come), false
}

// encodeNotes returns what comes to l, and whether it takes the place of the latest etcd key.
// It leaves out what later items push out.
func (g *group) encodeNotes(l ledger) (data []byte, extends bool) {
	if l == auditLedger {
		return encodeEntries(latest(l, g.notes.entries)), false
	}
	samples, extends := g.block(l)
	return encodeSamples(samples), extends
}

func latest[T any](l ledger, items []T) []T { return items[max(0, len(items)-ledgerLimits[l]):] }

// operations are those of a transaction on one key.
type operations struct {
	unchanged   []clientv3.Cmp
	store, read []clientv3.Op
}

// addNotes adds what makes the notes of g. It reads the trails of the ledgers to which items
// come, in order.
func (d *Driver) addNotes(o *operations, g *group) {
	for l := range ledgers {
		folder, t := d.ledgerFolder(l, g.key), &g.trails[l]
		come, kept := uint64(g.notes.count(l)), uint64(ledgerLimits[l]) //nolint:gosec // neither is negative
		if come == 0 {
			if g.notes.forgets {
				o.store = append(o.store, clientv3.OpDelete(folder, clientv3.WithPrefix()))
			}
			continue
		}
		data, extends := g.encodeNotes(l)
		last := t.last + come
		switch {
		case g.notes.forgets:
			o.store = append(o.store, removeItems(folder, t.last))
		case extends:
			o.store = append(o.store, clientv3.OpDelete(itemKey(folder, t.last)))
		case last > kept:
			o.store = append(o.store, removeItems(folder, last-kept))
		}
		o.unchanged = append(o.unchanged, t.unchanged(folder)...)
		o.store = append(o.store, clientv3.OpPut(itemKey(folder, last), string(data)))
		o.read = append(o.read, readTrail(folder))
	}
}

// removeItems removes the items up to number n.
func removeItems(folder string, n uint64) clientv3.Op {
	return clientv3.OpDelete(folder, clientv3.WithRange(itemKey(folder, n+1)))
}

// noted takes over what the transaction of g has stored at revision.
func (g *group) noted(revision int64) {
	for l := range ledgers {
		t := &g.trails[l]
		switch come := g.notes.count(l); {
		case come > 0 && l == auditLedger:
			*t = trail{t.last + uint64(come), revision, nil} //nolint:gosec // a length
		case come > 0:
			open, _ := g.block(l)
			*t = trail{t.last + uint64(come), revision, open} //nolint:gosec // a length
		case g.notes.forgets:
			*t = trail{}
		}
	}
}

// sizeOfNotes is at most how many bytes the operations have that make the notes of g.
func (d *Driver) sizeOfNotes(g *group) (size int) {
	const names = 9 // two comparisons, two operations and a read, most of them of a range
	for l := range ledgers {
		if g.notes.forgets || g.notes.count(l) > 0 {
			data, _ := g.encodeNotes(l)
			size += names*(len(d.ledgerFolder(l, g.key))+numberDigits) + len(data)
		}
	}
	return size
}
