package etcdstore

import (
	"context"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// swapOf returns the transaction that stores the changes of g if what they looked at is
// as it was. Otherwise the transaction reads what is there now.
func (d *Driver) swapOf(g *group) clientv3.Op {
	var unchanged []clientv3.Cmp
	for p, reads := range g.reads {
		if reads {
			name := d.etcdKey(part(p), g.key)
			unchanged = append(unchanged, clientv3.Compare(clientv3.ModRevision(name), "=", g.state[p].revision))
		}
	}
	var store []clientv3.Op
	for p, v := range d.changed(g) {
		switch name := d.etcdKey(p, g.key); {
		case v == nil:
			store = append(store, clientv3.OpDelete(name))
		case v.etcdLease != 0:
			store = append(store, clientv3.OpPut(name, string(v.data), clientv3.WithLease(v.etcdLease)))
		default:
			store = append(store, clientv3.OpPut(name, string(v.data)))
		}
	}
	return clientv3.OpTxn(unchanged, store, d.reads(g.key))
}

// changed returns what the parts of g hold after its changes, and nil for a part that
// goes. A part that stays as it is, is missing.
func (d *Driver) changed(g *group) map[part]*value {
	parts := make(map[part]*value, 2)
	c := g.diff.after
	if g.diff.checkpoint {
		parts[checkpointPart] = nil
		if c.Checkpoint.Exists {
			v := &value{data: encodeCheckpoint(c.Checkpoint)}
			if g.diff.checkpointTTL(g.now) != 0 {
				v.etcdLease = g.grants.checkpoint.id
			}
			parts[checkpointPart] = v
		}
	}
	if g.diff.fence {
		parts[fencePart] = nil
		if c.Fence.Exists() {
			parts[fencePart] = &value{data: encodeFence(c.Fence)}
		}
	}
	if g.diff.lease {
		parts[leasePart], parts[heldPart] = nil, nil
		if c.Lease.Exists() {
			parts[leasePart] = &value{data: encodeLease(c.Lease.Lease)}
			parts[heldPart] = &value{data: encodeHeld(c.Lease.Lease), etcdLease: g.grants.held.id}
			if g.grants.renewed {
				delete(parts, heldPart)
			}
		}
	}
	return parts
}

// stored takes over what the transaction of g has stored at revision.
func (g *group) stored(d *Driver, revision int64) {
	for p, v := range d.changed(g) {
		if was := g.state[p].etcdLease; was != 0 {
			g.grants.former = append(g.grants.former, was)
		}
		g.state[p] = value{}
		if v != nil {
			v.revision = revision
			g.state[p] = *v
		}
	}
}

// reads returns the operations that read the state of key.
func (d *Driver) reads(key string) []clientv3.Op {
	ops := make([]clientv3.Op, parts)
	for p := range parts {
		ops[p] = clientv3.OpGet(d.etcdKey(p, key))
	}
	return ops
}

// stateOf returns the state that the answers to reads hold.
func stateOf(answers []*pb.ResponseOp) state {
	var s state
	for p := range parts {
		s[p] = valueOf(answers[p].GetResponseRange().Kvs)
	}
	return s
}

// commit sends a transaction once.
func (d *Driver) commit(ctx context.Context, txn clientv3.Op, limit time.Duration) (clientv3.TxnResponse, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errNoAnswer)
	defer cancel()
	resp, err := d.client.Do(clientv3.WithRequireLeader(ctx), txn)
	if err != nil {
		return clientv3.TxnResponse{}, because(ctx, err)
	}
	return *resp.Txn(), nil
}
