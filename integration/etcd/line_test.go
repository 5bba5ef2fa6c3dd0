package etcd

import (
	"context"
	"path"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

// A line is what a client's calls go through. It counts those that etcd gets, and lets a
// test change the answers.
type line struct {
	mu     sync.Mutex
	calls  map[string]int // by method: "Txn"
	change func(method string, req any) error
	reply  func(reply any) // changes what an answer says
}

// on has client use the line.
func (l *line) on(config *clientv3.Config) {
	config.DialOptions = append(config.DialOptions, grpc.WithChainUnaryInterceptor(
		func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			err := invoke(ctx, method, req, reply, cc, opts...)
			return l.passed(path.Base(method), req, reply, err)
		}))
}

func (l *line) passed(method string, req, reply any, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == nil {
		l.calls = make(map[string]int)
	}
	l.calls[method]++
	if l.reply != nil && err == nil {
		l.reply(reply)
	}
	if l.change != nil && err == nil {
		return l.change(method, req)
	}
	return err
}

// answers has change decide what becomes of each answer.
func (l *line) answers(change func(method string, req any) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.change = change
}

// during returns how many calls of each method do makes.
func (l *line) during(do func()) map[string]int {
	l.mu.Lock()
	l.calls = make(map[string]int)
	l.mu.Unlock()
	do()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

// changes reports whether a request is a transaction that may store something.
func changes(req any) bool {
	txn, ok := req.(*pb.TxnRequest)
	if !ok {
		return false
	}
	for _, op := range txn.Success {
		if op.GetRequestRange() == nil {
			return true
		}
	}
	return false
}
