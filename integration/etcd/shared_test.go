package etcd

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/integration/internal/network"
)

func TestOneRoundTripIfNobodyElseWrites(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	gets(t, d, driver.Advanced, write(driver.IfNewer, "k", 1))
	const n = 20
	calls := l.during(func() {
		for i := range uint64(n) {
			gets(t, d, driver.Advanced, write(driver.IfNewer, "k", i+2))
		}
	})
	if calls["Txn"] != n || len(calls) != 1 {
		t.Errorf("%d writes made the calls %v, want one Txn each", n, calls)
	}
	// A refusal is read, never remembered.
	calls = l.during(func() { gets(t, d, driver.Stale, write(driver.IfNewer, "k", 1)) })
	if calls["Txn"] != 1 || len(calls) != 1 {
		t.Errorf("a write that is refused made the calls %v, want one Txn", calls)
	}
}

// What a write does not look at costs nothing.
func TestTransactionNamesWhatTheWriteLooksAt(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	gets(t, d, driver.Advanced, write(driver.IfNewer, "k", 1))
	var sent *pb.TxnRequest
	l.answers(func(_ string, req any) error {
		sent, _ = req.(*pb.TxnRequest)
		return nil
	})
	gets(t, d, driver.Advanced, sampled(write(driver.IfNewer, "k", 2), morning))
	gets(t, d, driver.Advanced, sampled(write(driver.IfNewer, "k", 3), morning.Add(5*time.Minute-1)))
	l.answers(nil)
	if sent == nil || len(sent.Compare) != 1 || len(sent.Success) != 1 || len(sent.Failure) != 1 {
		t.Errorf("a write was sent as %v, want one comparison, one store and one read", sent)
	}
}

// A caller that writes alone carries its own request. It leaves when its context ends,
// all the same.
func TestCallerLeavesWhenItsContextEnds(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	sent := make(chan struct{}, 10)
	d := openEmpty(t, cluster, func(config *clientv3.Config) {
		config.DialOptions = append(config.DialOptions, grpc.WithChainUnaryInterceptor(
			func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				sent <- struct{}{}
				return invoke(ctx, method, req, reply, cc, opts...)
			}))
	})
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
	for len(sent) > 0 {
		<-sent
	}
	if err := cluster.Members[0].Proxy().Hurt(network.Cut(false)...); err != nil {
		t.Fatal(err)
	}
	call := func(commit uint64) (leave func(want driver.Outcome)) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan driver.Result)
		go func() {
			results, err := d.Write(ctx, []driver.Write{write(driver.Set, "k", commit)})
			if err != nil {
				results = []driver.Result{{Err: err}}
			}
			done <- results[0]
		}()
		return func(want driver.Outcome) {
			t.Helper()
			cancel()
			if r := <-done; r.Outcome != want || !errors.Is(r.Err, context.Canceled) {
				t.Errorf("write %d: %v, %v, want %v", commit, r.Outcome, r.Err, want)
			}
		}
	}
	first := call(2)
	<-sent
	second := call(3) // waits: the key is busy
	time.Sleep(20 * time.Millisecond)
	second(driver.Failed)
	first(driver.Unknown)
	if err := cluster.Members[0].Proxy().Heal(); err != nil {
		t.Fatal(err)
	}
	gets(t, d, driver.Advanced, write(driver.Set, "k", 4))
}

func TestWritesShareATransaction(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	batch := func(commit uint64) (ws []driver.Write) {
		for _, key := range keys(240) {
			ws = append(ws, write(driver.IfNewer, key, commit))
		}
		return ws
	}
	gets(t, d, driver.Advanced, batch(1)...)
	calls := l.during(func() { gets(t, d, driver.Advanced, batch(2)...) })
	if calls["Txn"] > 2 || len(calls) != 1 {
		t.Errorf("240 writes made the calls %v, want two Txns", calls)
	}
}

// Each key in a transaction has comparisons of its own.
func TestOneKeyInATransactionDoesNotFailAnother(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	other := open(t, cluster, d.prefix)
	all := keys(100)
	batch := func(commit uint64) (ws []driver.Write) {
		for _, key := range all {
			ws = append(ws, write(driver.IfNewer, key, commit))
		}
		return ws
	}
	gets(t, d, driver.Advanced, batch(1)...)
	gets(t, other, driver.Advanced, write(driver.Set, all[3], 2), write(driver.Set, all[70], 9))
	calls := l.during(func() {
		for i, r := range writes(t, d, batch(5)...) {
			if want := map[bool]driver.Outcome{true: driver.Stale, false: driver.Advanced}[i == 70]; r.Outcome != want {
				t.Errorf("write of %q: %v, %v, want %v", all[i], r.Outcome, r.Err, want)
			}
		}
	})
	if calls["Txn"] != 2 {
		t.Errorf("100 writes, of which another had changed two keys, made the calls %v, want two Txns", calls)
	}
	if p := position(t, d, all[3]); p != 5 {
		t.Errorf("%q is at %d, want 5", all[3], p)
	}
}

// Many drivers raise one counter by Rewind, and each gets an epoch of its own.
func TestContention(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	first := openEmpty(t, cluster)
	const drivers, rounds = 6, 25
	var mu sync.Mutex
	seen := make(map[uint64]bool)
	var wg sync.WaitGroup
	for range drivers {
		d := open(t, cluster, first.prefix)
		wg.Go(func() {
			for range rounds {
				results, err := d.Write(t.Context(), []driver.Write{write(driver.Rewind, "k", 1), write(driver.Rewind, "l", 1)})
				if err != nil || results[0].Err != nil || results[1].Err != nil {
					t.Errorf("Rewind: %v, %v", results, err)
					return
				}
				mu.Lock()
				if seen[results[0].Epoch] {
					t.Errorf("epoch %d was given twice", results[0].Epoch)
				}
				seen[results[0].Epoch] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for n := uint64(1); n <= drivers*rounds; n++ {
		if !seen[n] {
			t.Fatalf("epoch %d was given to nobody", n)
		}
	}
}

// A change of one key that etcd refuses must not become the fault of another.
func TestRefusedTransactionIsSentKeyByKey(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	gets(t, d, driver.Advanced, write(driver.Set, "a", 1), write(driver.Set, "b", 1))
	client := d.client
	for _, step := range []error{
		second(client.RoleAdd(t.Context(), "writer")),
		second(client.RoleGrantPermission(t.Context(), "writer", d.prefix, d.prefix[:len(d.prefix)-1]+"0", 0)), // READ
		second(client.RoleGrantPermission(t.Context(), "writer", d.prefix+"checkpoint/a", "", 2)),              // READWRITE
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	restricted := open(t, cluster, d.prefix, asUser(t, cluster, "w", "writer"))
	isRefused := func(r driver.Result) {
		t.Helper()
		if r.Outcome != driver.Failed || errors.Is(r.Err, driver.ErrNotFound) || driver.Hint(r.Err) == "" {
			t.Errorf("the write that is not allowed: %v, %v, hint %q", r.Outcome, r.Err, driver.Hint(r.Err))
		}
	}
	isRefused(writes(t, restricted, write(driver.IfNewer, "b", 2))[0])
	results := writes(t, restricted, write(driver.IfNewer, "a", 2), write(driver.IfNewer, "b", 2))
	if results[0].Outcome != driver.Advanced {
		t.Errorf("the write that is allowed: %v, %v", results[0].Outcome, results[0].Err)
	}
	if looksWithin(t, restricted) {
		isRefused(results[1])
	}
}

// looksWithin reports whether etcd looks for a role within a transaction in a transaction.
// It does not before 3.5.28, and 3.6.9 of the later series: CVE-2026-33343.
func looksWithin(t *testing.T, restricted placed) bool {
	t.Helper()
	within := clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpDelete(restricted.prefix + "checkpoint/none")}, nil)
	_, err := restricted.client.Txn(t.Context()).Then(within).Commit()
	if err != nil && !errors.Is(err, rpctypes.ErrPermissionDenied) {
		t.Fatal(err)
	}
	if err == nil {
		t.Log("this etcd lets any user change any key by a transaction in a transaction")
	}
	return err != nil
}
