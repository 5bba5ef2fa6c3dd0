package etcdstore

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

// Scan implements [driver.Driver]. It yields the keys in order, and reads them at one
// revision as [Driver.ScanRecords] does.
func (d *Driver) Scan(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error] {
	w := newWalk(d, pattern, pageSize, []part{checkpointPart}, true)
	return pages(ctx, w, func(key string, _ *state, _ time.Time) string { return key })
}

// ScanRecords implements [driver.RecordScanner]. It reads all records at one revision,
// except if etcd compacts that revision during the walk: the rest is then of a later one.
func (d *Driver) ScanRecords(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]driver.Record, error] {
	w := newWalk(d, pattern, pageSize, []part{checkpointPart}, false)
	return pages(ctx, w, func(key string, s *state, now time.Time) driver.Record {
		return d.cell(key, s, now).Record(now)
	})
}

// ScanCells implements [driver.Inspector]. It reads as [Driver.ScanRecords] does.
func (d *Driver) ScanCells(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]driver.Cell, error] {
	w := newWalk(d, pattern, pageSize, []part{checkpointPart, fencePart, leasePart, heldPart}, false)
	return pages(ctx, w, func(key string, s *state, now time.Time) driver.Cell {
		return d.cell(key, s, now).Visible(now)
	})
}

// A walk goes through the keys that match a pattern, in order. It reads some parts of
// each.
type walk struct {
	d        *Driver
	pattern  string
	pageSize int
	parts    []part
	keysOnly bool

	from     string // the lowest key that was not walked
	only     bool   // whether from is the only key
	prefix   string // of all keys that match
	revision int64  // 0: the latest
	over     bool
}

func newWalk(d *Driver, pattern string, pageSize int, parts []part, keysOnly bool) walk {
	prefix := driver.LiteralPrefix(pattern)
	return walk{
		d: d, pattern: pattern, pageSize: pageSize, parts: parts, keysOnly: keysOnly,
		from: prefix, prefix: prefix, only: prefix != "" && pattern == driver.QuotePattern(prefix),
	}
}

// pages yields what pick makes of each key.
func pages[T any](ctx context.Context, w walk, pick func(string, *state, time.Time) T) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		w := w
		for !w.over {
			keys, states, err := w.next(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			now := time.Now()
			page := make([]T, len(keys))
			for i, key := range keys {
				page[i] = pick(key, states[key], now)
			}
			if len(page) > 0 && !yield(page, nil) {
				return
			}
		}
	}
}

// next reads the next page. It may hold no key, though more follow.
func (w *walk) next(ctx context.Context) ([]string, map[string]*state, error) {
	if err := w.d.ready(ctx); err != nil {
		return nil, nil, err
	}
	resp, err := w.d.ask(ctx, clientv3.OpTxn(nil, w.ranges(), nil))
	if errors.Is(err, rpctypes.ErrCompacted) {
		w.revision = 0 // the keys that come are those of a later revision
		resp, err = w.d.ask(ctx, clientv3.OpTxn(nil, w.ranges(), nil))
	}
	if err != nil {
		return nil, nil, w.d.failure(ctx, err)
	}
	if w.revision == 0 {
		w.revision = resp.Txn().Header.Revision
	}
	return w.take(resp.Txn().Responses)
}

// ranges returns the operations that read a page of each part.
func (w *walk) ranges() []clientv3.Op {
	ops := make([]clientv3.Op, len(w.parts))
	for i, p := range w.parts {
		end := clientv3.GetPrefixRangeEnd(w.d.etcdKey(p, w.prefix))
		if w.only {
			end = w.d.etcdKey(p, w.from) + "\x00"
		}
		opts := []clientv3.OpOption{clientv3.WithRange(end), clientv3.WithLimit(int64(w.pageSize)), clientv3.WithRev(w.revision)}
		if w.keysOnly {
			opts = append(opts, clientv3.WithKeysOnly())
		}
		ops[i] = clientv3.OpGet(w.d.etcdKey(p, w.from), opts...)
	}
	return ops
}

// take returns the keys that match up to the first key after which some part may have
// more than was read.
func (w *walk) take(responses []*pb.ResponseOp) ([]string, map[string]*state, error) {
	w.over = true
	last := ""
	for i, p := range w.parts {
		if r := responses[i].GetResponseRange(); r.More {
			key := w.key(p, r.Kvs[len(r.Kvs)-1].Key)
			if w.over || key < last {
				last = key
			}
			w.over = false
		}
	}
	var keys []string
	states := make(map[string]*state)
	for i, p := range w.parts {
		for _, kv := range responses[i].GetResponseRange().Kvs {
			key := w.key(p, kv.Key)
			if !w.over && key > last {
				break
			}
			if key == "" || !driver.MatchPattern(w.pattern, key) {
				continue
			}
			s := states[key]
			if s == nil {
				s = new(state)
				states[key] = s
				keys = append(keys, key)
			}
			s[p] = value{data: kv.Value, revision: kv.ModRevision, etcdLease: clientv3.LeaseID(kv.Lease)}
		}
	}
	if !w.over {
		w.from = last + "\x00"
	}
	slices.Sort(keys)
	return keys, states, nil
}

func (w *walk) key(p part, name []byte) string {
	return strings.TrimPrefix(string(name), w.d.etcdKey(p, ""))
}
