package etcdstore

import (
	"context"
	"reflect"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// A onceKV sends no transaction twice. The client itself sends one again after the codes
// that a proxy between it and the members answers when it gives a request up. The members
// may have made that transaction.
type onceKV struct{ pb.KVClient }

// newOnceKV returns what sends the transactions of a driver. If the caller has put a KV of
// their own into the client, for instance one of etcd's package namespace, this KV sends them.
func newOnceKV(client *clientv3.Client) clientv3.KV {
	once := clientv3.NewKVFromKVClient(onceKV{clientv3.RetryKVClient(client)}, client)
	if reflect.TypeOf(client.KV) != reflect.TypeOf(once) {
		return client.KV
	}
	return once
}

func (k onceKV) Txn(ctx context.Context, in *pb.TxnRequest, opts ...grpc.CallOption) (*pb.TxnResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	given := grpc.OnFinish(func(err error) {
		if isGivenUp(err) {
			cancel() // the client sends nothing more for a context that has ended
		}
	})
	return k.KVClient.Txn(ctx, in, append(opts, given)...)
}

// isGivenUp reports whether err says that somebody gave a request up.
func isGivenUp(err error) bool {
	code := codeOf(err)
	return code == codes.Canceled || code == codes.DeadlineExceeded
}
