package histories

import (
	"bytes"
	"context"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"

	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// A brokenRequest is how a request of etcdstore's is broken on its way, or its answer. It
// counts what it breaks.
type brokenRequest struct {
	request func(txn *pb.TxnRequest) int   // of one key
	answer  func(resp *pb.TxnResponse) int // of one key
	serial  bool                           // reads what a member has, without a leader
}

var brokenRequests = map[string]brokenRequest{
	"compares nothing":             {request: drops("")},
	"does not compare the fence":   {request: drops("/fence/")},
	"takes a refusal for a change": {answer: succeeds},
	"stores no checkpoint":         {request: leavesOut("/checkpoint/", puts)},
	"deletes no checkpoint":        {request: leavesOut("/checkpoint/", deletes)},
	"keeps the fence":              {request: leavesOut("/fence/", puts)},
	"keeps the lease":              {request: leavesOut("/lease/", puts)},
	"keeps who holds the lease":    {request: leavesOut("/held/", deletes)},
	"keeps no log":                 {request: replaces(`"logId":"[^"]*"`, "")},
	"keeps no epoch":               {request: replaces(`"epoch":"[^"]*",("logId")`, "$1")},
	"keeps no expiry":              {request: replaces(`"expiresAt":"[^"]*"`, "")},
	"rounds positions":             {request: replaces(`((?:commit|prepare)":"\d*)\d"`, `${1}0"`)},
	"reads from any member":        {serial: true},
}

// TestBrokenRequests breaks a request of etcdstore's in one way each, and that must be
// found.
func TestBrokenRequests(t *testing.T) {
	t.Parallel()
	first := chooseSeed(t)
	for name, b := range brokenRequests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			members := 1
			if b.serial {
				members = 3
			}
			cluster := etcdtest.Start(t, members, etcdtest.QuickElections)
			times := new(atomic.Int64)
			broken := etcdAt(t, cluster, cluster.Endpoints(), grpc.WithChainUnaryInterceptor(b.intercept(times)))
			sound := etcdAt(t, cluster, cluster.Endpoints())
			find(t, first, []engine{broken, sound}, func(h *history) {
				h.operate(t, 300)
				if b.serial {
					cluster.Members[0].Isolate()
					pause(t.Context(), time.Second)
					cluster.Members[0].Rejoin()
					cluster.Leader(t) // until then the sound driver, too, gets no answer
				}
			})
			if times.Load() == 0 {
				t.Error("etcdstore sends nothing any more that this breaks: break something else")
			}
		})
	}
}

func (b *brokenRequest) intercept(times *atomic.Int64) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		txn, ok := req.(*pb.TxnRequest)
		if ok && b.request != nil {
			for _, one := range ofEachKey(txn) {
				times.Add(int64(b.request(one)))
			}
		}
		if b.serial {
			times.Add(int64(serialize(req)))
		}
		err := invoke(ctx, method, req, reply, cc, opts...)
		if ok && err == nil && b.answer != nil {
			for _, one := range answersOfEachKey(reply.(*pb.TxnResponse)) {
				times.Add(int64(b.answer(one)))
			}
		}
		return err
	}
}

// ofEachKey returns the transactions that are in txn, or txn if it is of one key.
func ofEachKey(txn *pb.TxnRequest) []*pb.TxnRequest {
	var inner []*pb.TxnRequest
	for _, op := range txn.Success {
		if one := op.GetRequestTxn(); one != nil {
			inner = append(inner, one)
		}
	}
	if inner == nil {
		return []*pb.TxnRequest{txn}
	}
	return inner
}

func answersOfEachKey(resp *pb.TxnResponse) []*pb.TxnResponse {
	var inner []*pb.TxnResponse
	for _, op := range resp.Responses {
		if one := op.GetResponseTxn(); one != nil {
			inner = append(inner, one)
		}
	}
	if inner == nil {
		return []*pb.TxnResponse{resp}
	}
	return inner
}

func drops(folder string) func(*pb.TxnRequest) int {
	return func(txn *pb.TxnRequest) int {
		var kept []*pb.Compare
		for _, c := range txn.Compare {
			if !bytes.Contains(c.Key, []byte(folder)) {
				kept = append(kept, c)
			}
		}
		n := len(txn.Compare) - len(kept)
		txn.Compare = kept
		return n
	}
}

func puts(op *pb.RequestOp) []byte {
	if put := op.GetRequestPut(); put != nil {
		return put.Key
	}
	return nil
}

func deletes(op *pb.RequestOp) []byte {
	if del := op.GetRequestDeleteRange(); del != nil {
		return del.Key
	}
	return nil
}

// leavesOut leaves out the operations of a kind on keys of a folder.
func leavesOut(folder string, kind func(*pb.RequestOp) []byte) func(*pb.TxnRequest) int {
	return func(txn *pb.TxnRequest) int {
		var kept []*pb.RequestOp
		for _, op := range txn.Success {
			if !bytes.Contains(kind(op), []byte(folder)) {
				kept = append(kept, op)
			}
		}
		n := len(txn.Success) - len(kept)
		txn.Success = kept
		return n
	}
}

var comma = regexp.MustCompile(`,+([,}])|\{,`)

// replaces replaces a text in what is stored, and leaves JSON.
func replaces(text, by string) func(*pb.TxnRequest) int {
	pattern := regexp.MustCompile(text)
	return func(txn *pb.TxnRequest) (n int) {
		for _, op := range txn.Success {
			put := op.GetRequestPut()
			if put == nil || !bytes.Contains(put.Key, []byte("/checkpoint/")) || !pattern.Match(put.Value) {
				continue
			}
			n++
			put.Value = comma.ReplaceAll(pattern.ReplaceAll(put.Value, []byte(by)), []byte("$1"))
		}
		return n
	}
}

func succeeds(resp *pb.TxnResponse) int {
	if resp.Succeeded {
		return 0
	}
	resp.Succeeded = true
	return 1
}

// serialize has a request that only reads be answered by the member that gets it.
func serialize(req any) (n int) {
	switch req := req.(type) {
	case *pb.RangeRequest:
		req.Serializable = true
		return 1
	case *pb.TxnRequest:
		if len(req.Compare) > 0 {
			return 0
		}
		for _, op := range req.Success {
			if op.GetRequestRange() != nil {
				n += serialize(op.GetRequestRange())
			}
		}
	}
	return n
}
