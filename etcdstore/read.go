package etcdstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

// maxReads is how many reads share a transaction: etcd allows so many operations.
const maxReads = 128

// Get implements [driver.Driver].
func (d *Driver) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	ops := make([]clientv3.Op, len(keys))
	for i, key := range keys {
		ops[i] = clientv3.OpGet(d.etcdKey(checkpointPart, key))
	}
	found, err := d.read(ctx, ops)
	if err != nil {
		return nil, d.failure(ctx, err)
	}
	now := time.Now()
	records := make([]driver.Record, len(keys))
	for i, key := range keys {
		records[i] = d.cell(key, &state{checkpointPart: valueOf(found[i])}, now).Record(now)
	}
	return records, nil
}

// Inspect implements [driver.Inspector].
func (d *Driver) Inspect(ctx context.Context, keys []string) ([]driver.Cell, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	states, _, err := d.readStates(ctx, keys)
	if err != nil {
		return nil, d.failure(ctx, err)
	}
	now := time.Now()
	cells := make([]driver.Cell, len(keys))
	for i, key := range keys {
		cells[i] = d.cell(key, &states[i], now).Visible(now)
	}
	return cells, nil
}

// readStates reads the states of keys, each at one revision, and makes other reads behind
// them.
func (d *Driver) readStates(ctx context.Context, keys []string, others ...clientv3.Op) ([]state, [][]*mvccpb.KeyValue, error) {
	var ops []clientv3.Op
	for _, key := range keys {
		ops = append(ops, d.reads(key)...)
	}
	found, err := d.read(ctx, append(ops, others...))
	if err != nil {
		return nil, nil, err
	}
	states := make([]state, len(keys))
	for i := range states {
		for p := range parts {
			states[i][p] = valueOf(found[p])
		}
		found = found[parts:]
	}
	return states, found, nil
}

// read makes reads, in as few transactions as etcd allows. A multiple of parts goes into
// each, so that the parts of a key are read together.
func (d *Driver) read(ctx context.Context, ops []clientv3.Op) ([][]*mvccpb.KeyValue, error) {
	if len(ops) == 1 { // a transaction would cost more
		resp, err := d.ask(ctx, ops[0])
		if err != nil {
			return nil, err
		}
		return [][]*mvccpb.KeyValue{resp.Get().Kvs}, nil
	}
	found := make([][]*mvccpb.KeyValue, len(ops))
	chunks := slices.Collect(slices.Chunk(ops, maxReads))
	errs := make([]error, len(chunks))
	each(len(chunks), func(i int) {
		resp, err := d.ask(ctx, clientv3.OpTxn(nil, chunks[i], nil))
		if err != nil {
			errs[i] = err
			return
		}
		for j, r := range resp.Txn().Responses {
			found[i*maxReads+j] = r.GetResponseRange().Kvs
		}
	})
	return found, cmp.Or(errs...)
}

// ask makes a read, or a change that may be made twice. It tries again if a member could
// not answer: another one may.
func (d *Driver) ask(ctx context.Context, op clientv3.Op) (clientv3.OpResponse, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errNoAnswer)
	defer cancel()
	for pause := 25 * time.Millisecond; ; pause *= 2 {
		resp, err := d.askOnce(ctx, op)
		if err == nil {
			return resp, nil
		}
		if ctx.Err() != nil || pause > maxPause || !isUnavailable(err) && !errors.Is(err, errNoAnswer) {
			return clientv3.OpResponse{}, because(ctx, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return clientv3.OpResponse{}, because(ctx, err)
		case <-d.root.Done():
			return clientv3.OpResponse{}, err
		}
	}
}

// maxPause is the longest pause before ask tries again.
const maxPause = 500 * time.Millisecond

func (d *Driver) askOnce(ctx context.Context, op clientv3.Op) (clientv3.OpResponse, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, attempt, errNoAnswer)
	defer cancel()
	resp, err := d.client.Do(clientv3.WithRequireLeader(ctx), op)
	if err != nil {
		return clientv3.OpResponse{}, because(ctx, err)
	}
	return resp, d.isOwn(headerOf(resp))
}

func headerOf(resp clientv3.OpResponse) *pb.ResponseHeader {
	switch {
	case resp.Txn() != nil:
		return resp.Txn().Header
	case resp.Get() != nil:
		return resp.Get().Header
	}
	return nil
}

// isOwn fails if the answer comes from another cluster than the first one. A member that has
// lost its disk and was made anew is a cluster of its own, and knows none of the keys.
func (d *Driver) isOwn(h *pb.ResponseHeader) error {
	if id := h.GetClusterId(); id != 0 && !d.cluster.CompareAndSwap(0, id) && d.cluster.Load() != id {
		return errOtherCluster
	}
	return nil
}
