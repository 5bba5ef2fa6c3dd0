package etcd

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// A proxy passes requests on to etcd, as one for gRPC does that a client does not know of.
type proxy struct {
	pb.UnimplementedKVServer
	address string
	etcd    pb.KVClient
	changes atomic.Int64               // the changes that etcd got
	lost    atomic.Pointer[codes.Code] // how the answer to a change is replaced
}

func startProxy(tb testing.TB, cluster *etcdtest.Cluster) *proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{etcd: pb.NewKVClient(cluster.Client(tb).ActiveConnection())}
	server := grpc.NewServer()
	pb.RegisterKVServer(server, p)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	tb.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			tb.Error(err)
		}
	})
	p.address = listener.Addr().String()
	return p
}

// on has client use the proxy.
func (p *proxy) on(config *clientv3.Config) { config.Endpoints = []string{p.address} }

func (p *proxy) Range(ctx context.Context, in *pb.RangeRequest) (*pb.RangeResponse, error) {
	return p.etcd.Range(ctx, in)
}

func (p *proxy) Txn(ctx context.Context, in *pb.TxnRequest) (*pb.TxnResponse, error) {
	resp, err := p.etcd.Txn(ctx, in)
	if !changes(in) {
		return resp, err
	}
	p.changes.Add(1)
	if code := p.lost.Load(); code != nil && err == nil {
		return nil, status.Error(*code, "the request took too long")
	}
	return resp, err
}

// The client of etcd sends a request again if a proxy says that it gave the request up.
func TestChangeThatAProxyGivesUpIsNotSentAgain(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	p := startProxy(t, cluster)
	d := openEmpty(t, cluster, p.on)
	for _, code := range []codes.Code{codes.Canceled, codes.DeadlineExceeded} {
		for commit, mode := range map[uint64]driver.Mode{2: driver.Set, 3: driver.Rewind, 10: driver.IfNewer} {
			gets(t, d, driver.Advanced, write(driver.Set, "k", 9))
			p.changes.Store(0)
			p.lost.Store(&code)
			r := writes(t, d, write(mode, "k", commit))[0]
			p.lost.Store(nil)
			if r.Outcome != driver.Unknown || driver.Hint(r.Err) == "" {
				t.Errorf("%v, mode %d: %v, %v, hint %q, want Unknown with a remedy", code, mode, r.Outcome, r.Err, driver.Hint(r.Err))
			}
			if n, at := p.changes.Load(), position(t, d, "k"); n != 1 || at != commit {
				t.Errorf("%v, mode %d: etcd got %d changes, and the position is %d, want 1 and %d", code, mode, n, at, commit)
			}
		}
	}
}
