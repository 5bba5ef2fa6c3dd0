package etcd

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/internal/benchtest"
	"github.com/checkpointstore/checkpoint/storetest"
)

// durable has members do what they do for users: they sync each entry of their log.
func durable(config *embed.Config) { config.UnsafeNoFsync = false }

// direct has a client reach the members without the proxies.
func direct(cluster *etcdtest.Cluster) func(*clientv3.Config) {
	return func(config *clientv3.Config) {
		config.Endpoints = nil
		for _, m := range cluster.Members {
			config.Endpoints = append(config.Endpoints, m.Direct())
		}
	}
}

// BenchmarkStore measures over three members on this machine, which sync their logs.
func BenchmarkStore(b *testing.B) {
	cluster := etcdtest.Start(b, 3, durable)
	storetest.Bench(b, func(tb testing.TB) driver.Driver {
		tb.Helper()
		return openEmpty(tb, cluster, direct(cluster))
	})
}

// BenchmarkBeside measures a Store beside the plain calls of the client that do the same.
// An op is one turn of each. It reports the medians of the turns: the calls that each
// makes a second, and what the Store's are of the others'.
func BenchmarkBeside(b *testing.B) {
	for _, members := range []int{1, 3} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			cluster := etcdtest.Start(b, members, durable)
			for _, n := range []int{1, 64} {
				run := func(name string, duel func(*testing.B, *bench) (store, plain side)) {
					b.Run(fmt.Sprintf("%s/goroutines=%d", name, n), func(b *testing.B) {
						bench := newBench(b, cluster, n)
						store, plain := duel(b, bench)
						turns(b, store, plain)
					})
				}
				run("SetIfNewer", besideTxn(0))
				run("SetIfNewerWithEpoch", besideTxn(1))
				run("Get", besideGet)
			}
			b.Run("Apply/batch=100", func(b *testing.B) {
				bench := newBench(b, cluster, 1)
				turns(b, bench.apply(100), bench.setIfNewer(0))
			})
			b.Run("GetAll", func(b *testing.B) {
				bench := newBench(b, cluster, 1)
				store, plain := bench.walks(b, 10_000)
				turns(b, store, plain)
			})
		})
	}
}

// A side is one of two that are measured in turns. It makes calls, and returns how many.
type side func(b *testing.B) (calls int)

func turns(b *testing.B, store, plain side) {
	b.Helper()
	rate := func(s side) float64 {
		start := time.Now()
		calls := s(b)
		return float64(calls) / time.Since(start).Seconds()
	}
	rate(store) // the first calls open connections, and read what is to be remembered
	rate(plain)
	var stores, plains, ratios []float64
	for b.Loop() {
		s, p := rate(store), rate(plain)
		stores, plains, ratios = append(stores, s), append(plains, p), append(ratios, s/p)
	}
	b.ReportMetric(median(stores), "store-calls/s")
	b.ReportMetric(median(plains), "plain-calls/s")
	b.ReportMetric(median(ratios), "ratio")
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// A bench is a Store and a client beside it, each with a connection of its own.
type bench struct {
	store  *checkpoint.Store
	client *clientv3.Client
	prefix string
	keys   []string // one for each goroutine
	size   int      // of what the Store stores
	at     uint64
}

func newBench(b *testing.B, cluster *etcdtest.Cluster, goroutines int) *bench {
	b.Helper()
	d := openEmpty(b, cluster, direct(cluster))
	bench := &bench{
		store: checkpoint.New(d, nil), client: cluster.Client(b, direct(cluster)), prefix: d.prefix,
		keys: benchtest.Keys(goroutines), at: 1 << 40,
	}
	for _, key := range bench.keys {
		bench.must(b, bench.store.Set(b.Context(), key, bench.next()))
	}
	found, err := bench.client.Get(b.Context(), d.prefix+"checkpoint/"+bench.keys[0])
	bench.must(b, err)
	bench.size = len(found.Kvs[0].Value)
	return bench
}

func (*bench) must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (x *bench) next() checkpoint.Position {
	x.at++
	return checkpoint.Position{Commit: x.at, Prepare: x.at}
}

// spread makes calls on a goroutine for each key. One turn of one goroutine has 32.
func (x *bench) spread(call func(b *testing.B, worker int, p checkpoint.Position) error) side {
	return func(b *testing.B) int {
		b.Helper()
		each := 32
		if len(x.keys) > 1 {
			each = 16
		}
		first := x.at
		x.at += uint64(each)
		var wg sync.WaitGroup
		for w := range x.keys {
			wg.Go(func() {
				for i := range uint64(each) {
					if err := call(b, w, checkpoint.Position{Commit: first + i + 1, Prepare: first + i + 1}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		return each * len(x.keys)
	}
}

func (x *bench) setIfNewer(epoch uint64) side {
	var opts []checkpoint.WriteOption
	if epoch != 0 {
		opts = append(opts, checkpoint.Epoch(epoch))
	}
	return x.spread(func(b *testing.B, w int, p checkpoint.Position) error {
		b.Helper()
		ok, err := x.store.SetIfNewer(b.Context(), x.keys[w], p, opts...)
		if err == nil && !ok {
			err = fmt.Errorf("%s did not advance to %v", x.keys[w], p)
		}
		return err
	})
}

func besideTxn(epoch uint64) func(*testing.B, *bench) (store, plain side) {
	return func(b *testing.B, x *bench) (store, plain side) {
		b.Helper()
		for _, key := range x.keys {
			if epoch != 0 {
				_, err := x.store.Fence(b.Context(), key, epoch)
				x.must(b, err)
			}
		}
		revisions := make([]int64, len(x.keys))
		return x.setIfNewer(epoch), x.spread(func(b *testing.B, w int, p checkpoint.Position) error {
			b.Helper()
			key := x.prefix + "plain/" + x.keys[w]
			resp, err := x.client.Txn(b.Context()).
				If(clientv3.Compare(clientv3.ModRevision(key), "=", revisions[w])).
				Then(clientv3.OpPut(key, fmt.Sprintf("%0*d", x.size, p.Commit))).
				Commit()
			if err == nil && !resp.Succeeded {
				err = fmt.Errorf("%s has changed", key)
			}
			if err == nil {
				revisions[w] = resp.Header.Revision
			}
			return err
		})
	}
}

func besideGet(_ *testing.B, x *bench) (store, plain side) {
	return x.spread(func(b *testing.B, w int, _ checkpoint.Position) error {
			b.Helper()
			return second(x.store.Get(b.Context(), x.keys[w]))
		}), x.spread(func(b *testing.B, w int, _ checkpoint.Position) error {
			b.Helper()
			resp, err := x.client.Get(b.Context(), x.prefix+"checkpoint/"+x.keys[w])
			if err == nil && len(resp.Kvs) != 1 {
				err = fmt.Errorf("%s has %d values", x.keys[w], len(resp.Kvs))
			}
			return err
		})
}

// apply writes batches of n.
func (x *bench) apply(n int) side {
	keys, writes := benchtest.Keys(n), make([]checkpoint.Write, n)
	return func(b *testing.B) int {
		b.Helper()
		const batches = 8
		for range batches {
			p := x.next()
			for i := range writes {
				writes[i] = checkpoint.Write{Key: keys[i], Mark: checkpoint.Mark{Position: p}, IfNewer: true}
			}
			outcomes, err := x.store.Apply(b.Context(), writes...)
			x.must(b, err)
			if slices.ContainsFunc(outcomes, func(o checkpoint.Outcome) bool { return o != checkpoint.Advanced }) {
				b.Fatalf("the outcomes of Apply are %v", outcomes)
			}
		}
		return batches * n
	}
}

// walks fills the store with n checkpoints, and reads them all.
func (x *bench) walks(b *testing.B, n int) (store, plain side) {
	b.Helper()
	writes := make([]checkpoint.Write, n)
	for i, key := range benchtest.Keys(n) {
		writes[i] = checkpoint.Write{Key: key, Mark: checkpoint.Mark{Position: x.next()}}
	}
	_, err := x.store.Apply(b.Context(), writes...)
	x.must(b, err)
	return func(b *testing.B) (found int) {
			b.Helper()
			for _, err := range x.store.GetAll(b.Context(), "*") {
				x.must(b, err)
				found++
			}
			return found
		}, func(b *testing.B) (found int) {
			b.Helper()
			from, end := x.prefix+"checkpoint/", clientv3.GetPrefixRangeEnd(x.prefix+"checkpoint/")
			for revision := int64(0); ; {
				resp, err := x.client.Get(b.Context(), from, clientv3.WithRange(end), clientv3.WithRev(revision), clientv3.WithLimit(page))
				x.must(b, err)
				found += len(resp.Kvs)
				if !resp.More {
					return found
				}
				revision = cmp.Or(revision, resp.Header.Revision)
				from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
			}
		}
}

// page is how many keys GetAll reads at once.
const page = 500
