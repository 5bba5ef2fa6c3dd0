package main

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/kurrent-io/KurrentDB-Client-Go/protos/kurrentdb/protocols/v1/shared"
	"github.com/kurrent-io/KurrentDB-Client-Go/protos/kurrentdb/protocols/v1/streams"
	"google.golang.org/grpc"
)

// A peer speaks as much of KurrentDB's protocol as the program needs. Its log has the
// events 1 to last, in 16 streams.
type peer struct {
	streams.UnimplementedStreamsServer
	url        string
	last, sent atomic.Uint64
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{url: "kurrentdb://" + listener.Addr().String() + "?tls=false"}
	server := grpc.NewServer()
	streams.RegisterStreamsServer(server, p)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return p
}

var logName = uuid.NewString()

func (p *peer) Read(req *streams.ReadReq, stream grpc.ServerStreamingServer[streams.ReadResp]) error {
	all := req.GetOptions().GetAll()
	if all == nil {
		return stream.Send(event(0)) // the event that names the log
	}
	confirmed := &streams.ReadResp_Confirmation{Confirmation: &streams.ReadResp_SubscriptionConfirmation{}}
	if err := stream.Send(&streams.ReadResp{Content: confirmed}); err != nil {
		return err
	}
	for n := all.GetPosition().GetCommitPosition() + 1; ; n++ {
		for n > p.last.Load() {
			select {
			case <-stream.Context().Done():
				return nil
			case <-time.After(time.Millisecond):
			}
		}
		if err := stream.Send(event(n)); err != nil {
			return err
		}
		p.sent.Add(1)
	}
}

func event(n uint64) *streams.ReadResp {
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id:               &shared.UUID{Value: &shared.UUID_String_{String_: logName}},
			StreamIdentifier: &shared.StreamIdentifier{StreamName: fmt.Appendf(nil, "order-%d", n%16)},
			CommitPosition:   n, PreparePosition: n,
			Metadata: map[string]string{"type": "OrderPlaced", "content-type": "application/json", "created": "0"},
		},
	}}}
}
