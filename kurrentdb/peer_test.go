package kurrentdb

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/google/uuid"
	kurrent "github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"
	"github.com/kurrent-io/KurrentDB-Client-Go/protos/kurrentdb/protocols/v1/shared"
	"github.com/kurrent-io/KurrentDB-Client-Go/protos/kurrentdb/protocols/v1/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A peer speaks KurrentDB's protocol, so that the real client is tested with the
// adapter. Each subscription gets the next of its scripts.
type peer struct {
	streams.UnimplementedStreamsServer
	server  *grpc.Server
	address string
	log     *Log

	mu      sync.Mutex
	scripts []script
	asked   []*streams.ReadReq_Options
	leader  *peer                                     // of whom a follower tells who asks for the name
	first   *streams.ReadResp_ReadEvent_RecordedEvent // of the stream that names the log
}

// A script is what a subscription is sent, and how it then ends: nil leaves it
// open. One that is refused, or sent to the leader, does not even begin.
type script struct {
	refuse error
	leader *peer
	send   []*streams.ReadResp
	end    error
}

var errDropped = status.Error(codes.Unavailable, "the node goes down")

func newPeer(t *testing.T, scripts ...script) *peer {
	t.Helper()
	p := &peer{scripts: scripts}
	p.serve(t, "127.0.0.1:0")
	config, err := kurrent.ParseConnectionString("kurrentdb://" + p.address + "?tls=false&maxDiscoverAttempts=2")
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = kurrent.NoopLogging()
	p.log = &Log{Config: config, Logger: slog.New(slog.DiscardHandler)}
	return p
}

func (p *peer) serve(t *testing.T, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	server := grpc.NewServer()
	streams.RegisterStreamsServer(server, p)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	p.server, p.address = server, listener.Addr().String()
}

func (p *peer) Read(req *streams.ReadReq, stream grpc.ServerStreamingServer[streams.ReadResp]) error {
	if req.GetOptions().GetSubscription() == nil {
		return p.readFirst(stream)
	}
	p.mu.Lock()
	p.asked = append(p.asked, req.GetOptions())
	next := script{}
	if len(p.scripts) > 0 {
		next, p.scripts = p.scripts[0], p.scripts[1:]
	}
	p.mu.Unlock()
	if next.refuse != nil {
		return next.refuse
	}
	if next.leader != nil {
		return redirect(stream, next.leader)
	}
	confirmation := &streams.ReadResp{Content: &streams.ReadResp_Confirmation{Confirmation: &streams.ReadResp_SubscriptionConfirmation{}}}
	for _, r := range append([]*streams.ReadResp{confirmation}, next.send...) {
		if err := stream.Send(r); err != nil {
			return err
		}
	}
	if next.end == nil {
		<-stream.Context().Done()
	}
	return next.end
}

// redirect sends a client to the leader, as a follower does.
func redirect(stream grpc.ServerStream, leader *peer) error {
	host, port, _ := net.SplitHostPort(leader.address)
	stream.SetTrailer(metadata.Pairs("exception", "not-leader", "leader-endpoint-host", host, "leader-endpoint-port", port))
	return status.Error(codes.NotFound, "leader info available")
}

func (p *peer) plan(s script) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.scripts = append(p.scripts, s)
}

// requests are those of each subscription.
func (p *peer) requests() []*streams.ReadReq_Options {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *peer) readFirst(stream grpc.ServerStreamingServer[streams.ReadResp]) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leader != nil {
		return redirect(stream, p.leader)
	}
	if p.first == nil {
		return stream.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{
			StreamNotFound: &streams.ReadResp_StreamNotFound{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("s")}},
		}})
	}
	return stream.Send(&streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{Event: p.first}}})
}

func (p *peer) Append(stream grpc.ClientStreamingServer[streams.AppendReq, streams.AppendResp]) error {
	header, err := stream.Recv()
	if err != nil {
		return err
	}
	proposed, err := stream.Recv()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first != nil || header.GetOptions().GetNoStream() == nil {
		return errors.New("the stream is there")
	}
	p.first = recorded(0, 0)
	p.first.Id = proposed.GetProposedMessage().GetId()
	return stream.SendAndClose(&streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{}}})
}

func recorded(commit, prepare uint64) *streams.ReadResp_ReadEvent_RecordedEvent {
	return &streams.ReadResp_ReadEvent_RecordedEvent{
		Id:               &shared.UUID{Value: &shared.UUID_String_{String_: uuid.NewString()}},
		StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("order-1")},
		CommitPosition:   commit, PreparePosition: prepare,
		Metadata: map[string]string{"type": "OrderPlaced", "content-type": "application/json", "created": "0"},
	}
}

func appeared(event, link *streams.ReadResp_ReadEvent_RecordedEvent) *streams.ReadResp {
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{Event: event, Link: link}}}
}

func responses(r ...*streams.ReadResp) []*streams.ReadResp { return r }

// revision is an event of a stream.
func revision(n uint64) *streams.ReadResp {
	r := recorded(9, 9)
	r.StreamRevision = n
	return appeared(r, nil)
}

func event(commit, prepare uint64) *streams.ReadResp { return appeared(recorded(commit, prepare), nil) }

func checkpointReached(commit, prepare uint64) *streams.ReadResp {
	return &streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{
		Checkpoint: &streams.ReadResp_Checkpoint{CommitPosition: commit, PreparePosition: prepare},
	}}
}

// caughtUp has no time, as older servers send it. The client makes of it an event
// with nothing in it.
func caughtUp() *streams.ReadResp {
	return &streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}}
}
