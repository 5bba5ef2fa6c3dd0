package etcdstore

import (
	"context"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// swapOf returns the transaction that stores the changes of g if what they looked at is
// as it was. Otherwise the transaction reads what they look at, as it is now.
func (d *Driver) swapOf(g *group) clientv3.Op {
	var o operations
	for p := range parts {
		name := d.etcdKey(p, g.key)
		if g.reads[p] {
			o.unchanged = append(o.unchanged, clientv3.Compare(clientv3.ModRevision(name), "=", g.state[p].revision))
			o.read = append(o.read, clientv3.OpGet(name))
		}
		switch v := &g.swap.values[p]; {
		case !g.swap.changes[p]:
		case v.data == nil:
			o.store = append(o.store, clientv3.OpDelete(name))
		case v.etcdLease != 0:
			o.store = append(o.store, clientv3.OpPut(name, string(v.data), clientv3.WithLease(v.etcdLease)))
		default:
			o.store = append(o.store, clientv3.OpPut(name, string(v.data)))
		}
	}
	if g.notes.any() {
		d.addNotes(&o, g)
	}
	return clientv3.OpTxn(o.unchanged, o.store, o.read)
}

// A swap is what the parts of a key hold after its changes. Other parts stay as they are.
type swap struct {
	changes [parts]bool
	values  state // without data: the part goes
}

func (s *swap) remove(p part) { s.changes[p], s.values[p] = true, value{} }

func (s *swap) store(p part, data []byte, lease clientv3.LeaseID) {
	s.changes[p], s.values[p] = true, value{data: data, etcdLease: lease}
}

func (g *group) newSwap() (s swap) {
	c := g.diff.after
	switch {
	case !g.diff.checkpoint:
	case !c.Checkpoint.Exists:
		s.remove(checkpointPart)
	case g.diff.checkpointTTL(g.now) != 0:
		s.store(checkpointPart, encodeCheckpoint(c.Checkpoint), g.grants.checkpoint.id)
	default:
		s.store(checkpointPart, encodeCheckpoint(c.Checkpoint), 0)
	}
	switch {
	case !g.diff.fence:
	case !c.Fence.Exists():
		s.remove(fencePart)
	default:
		s.store(fencePart, encodeFence(c.Fence), 0)
	}
	switch {
	case !g.diff.lease:
	case !c.Lease.Exists():
		s.remove(leasePart)
		s.remove(heldPart)
	default:
		s.store(leasePart, encodeLease(c.Lease.Lease), 0)
		if !g.grants.renewed {
			s.store(heldPart, encodeHeld(c.Lease.Lease), g.grants.held.id)
		}
	}
	return s
}

// stored takes over what the transaction of g has stored at revision.
func (g *group) stored(revision int64) {
	for p, changes := range g.swap.changes {
		if !changes {
			continue
		}
		if was := g.state[p].etcdLease; was != 0 {
			g.grants.former = append(g.grants.former, was)
		}
		g.state[p] = g.swap.values[p]
		if g.state[p].data != nil {
			g.state[p].revision = revision
		}
	}
	g.noted(revision)
}

// refused takes over what the transaction of g has read. The other parts are as they were
// remembered: the changes do not look at them.
func (d *Driver) refused(g *group, answers []*pb.ResponseOp) {
	n := 0
	for p, reads := range g.reads {
		if reads {
			g.state[p] = valueOf(answers[n].GetResponseRange().Kvs)
			n++
		}
	}
	for l := range ledgers {
		if g.notes.count(l) > 0 {
			g.trails[l] = trailOf(d.ledgerFolder(l, g.key), answers[n].GetResponseRange().Kvs)
			n++
		}
	}
	g.fresh = true
}

// reads returns the operations that read the state of key.
func (d *Driver) reads(key string) []clientv3.Op {
	ops := make([]clientv3.Op, parts)
	for p := range parts {
		ops[p] = clientv3.OpGet(d.etcdKey(p, key))
	}
	return ops
}

// commit sends a transaction once.
func (d *Driver) commit(ctx context.Context, txn clientv3.Op, limit time.Duration) (clientv3.TxnResponse, error) {
	// A deadline would go to the member with the request, and take time there.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(limit, func() { cancel(errNoAnswer) }).Stop()
	resp, err := d.once.Do(clientv3.WithRequireLeader(ctx), txn)
	if err != nil {
		return clientv3.TxnResponse{}, because(ctx, err)
	}
	return *resp.Txn(), d.isOwn(resp.Txn().Header)
}
