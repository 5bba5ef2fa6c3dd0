package etcdtest

import (
	"context"
	"os"
	"sync/atomic"
	"testing"

	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A runner runs the server of a member, again and again: in the process of the test, or
// as a process of its own.
type runner interface {
	// reach returns where others reach a member that listens for its peers at addr.
	reach(addr string) string
	start(cfg *embed.Config) error
	runs() bool
	// status returns the IDs of the member and of its leader, 0 if the server names none.
	status() (id, leader uint64)
	// moveLeader asks the member, which leads, to hand over.
	moveLeader(ctx context.Context, to uint64) error
	// cut lets no message pass between this member and the one with this ID, if the other
	// side is cut, too. mend ends that.
	cut(id uint64)
	mend(id uint64)
	pause(m *Member) error
	resume(m *Member) error
	// kill calls hangUp to end the connections of clients once the server does nothing more.
	kill(hangUp func())
	close()
}

// lastWords says why a server ends the process of the test.
var lastWords = zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.Lock(os.Stderr), zap.FatalLevel))

// embedded is a server in the process of the test.
type embedded struct {
	server *embed.Etcd // nil: it does not run
	killed *atomic.Bool
}

func newEmbedded(testing.TB) runner { return new(embedded) }

func (*embedded) reach(addr string) string { return addr }

func (e *embedded) start(cfg *embed.Config) error {
	killed := new(atomic.Bool)
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(lastWords)
	cfg.GRPCAdditionalServerOptions = []grpc.ServerOption{grpc.ChainUnaryInterceptor(outlive(killed))}
	server, err := embed.StartEtcd(cfg)
	if err == nil {
		e.server, e.killed = server, killed
	}
	return err
}

// outlive keeps a server that is killed from ending the process of the test: HardStop waits
// for no read, and a read of a closed database panics.
func outlive(killed *atomic.Bool) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (reply any, err error) {
		defer func() {
			if !killed.Load() {
				return
			}
			if p := recover(); p != nil {
				err = status.Errorf(codes.Unavailable, "the server is killed: %v", p)
			}
		}()
		return handle(ctx, req)
	}
}

func (e *embedded) runs() bool { return e.server != nil }

func (e *embedded) status() (id, leader uint64) {
	select {
	case <-e.server.Server.ReadyNotify():
		return uint64(e.server.Server.MemberID()), uint64(e.server.Server.Leader())
	default:
		return 0, 0
	}
}

func (e *embedded) moveLeader(ctx context.Context, to uint64) error {
	return e.server.Server.MoveLeader(ctx, uint64(e.server.Server.MemberID()), to)
}

func (e *embedded) cut(id uint64) { e.server.Server.CutPeer(types.ID(id)) }

func (e *embedded) mend(id uint64) { e.server.Server.MendPeer(types.ID(id)) }

func (*embedded) pause(m *Member) error { return m.cutOff() }

func (*embedded) resume(m *Member) error { return m.joinAgain() }

func (e *embedded) kill(hangUp func()) {
	e.killed.Store(true)
	e.server.Server.HardStop()
	hangUp() // Close would wait for the calls under way
	e.server.Close()
	e.server = nil
}

func (*embedded) close() {}
