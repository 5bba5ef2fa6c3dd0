package etcdtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// variable chooses the server whose processes are the members.
const variable = "ETCDTEST_SERVER"

// A process is a server that is a program. The other members reach it through the gate.
type process struct {
	program string
	gate    *gate
	cmd     *exec.Cmd // nil: it does not run
	exited  chan struct{}
	output  *bytes.Buffer
	admin   *clientv3.Client
}

func newProcess(tb testing.TB) runner {
	tb.Helper()
	return &process{program: servertest.Program(tb, variable, "", "etcd")}
}

func (p *process) reach(addr string) string {
	if p.gate == nil {
		p.gate = openGate(addr)
	}
	return p.gate.addr()
}

// start starts the program, and waits until it listens.
func (p *process) start(cfg *embed.Config) error {
	args, err := arguments(cfg)
	if err != nil {
		return err
	}
	cmd, output := exec.Command(p.program, append(args, "--log-level=warn")...), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = output, output
	servertest.DieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	p.cmd, p.exited, p.output = cmd, exited, output
	client := cfg.ListenClientUrls[0]
	for deadline := time.Now().Add(patience); !listens(client.Host); {
		select {
		case <-exited:
			p.cmd = nil
			return fmt.Errorf("etcd has ended: %s", output)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.kill(func() {})
			return errors.New("etcd does not listen")
		}
	}
	p.admin, err = administer(client.Scheme + "://" + client.Host)
	return err
}

// listens reports whether a server listens at addr. The system may connect a port with
// itself.
func listens(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	return conn.LocalAddr().String() != addr
}

// administer connects to one member, whoever has signed its certificate.
func administer(endpoint string) (*clientv3.Client, error) {
	soon := backoff.Config{BaseDelay: 5 * time.Millisecond, Multiplier: 1.5, MaxDelay: 50 * time.Millisecond}
	return clientv3.New(clientv3.Config{
		Endpoints: []string{endpoint}, Logger: zap.NewNop(), TLS: &tls.Config{InsecureSkipVerify: true},
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{Backoff: soon, MinConnectTimeout: time.Second})},
	})
}

func (p *process) String() string {
	if p.cmd == nil {
		return "it does not run"
	}
	select {
	case <-p.exited:
		return fmt.Sprintf("it has ended: %s", p.output)
	default:
		id, leader := p.status()
		return fmt.Sprintf("it is %x, and follows %x; %s", id, leader, p.output)
	}
}

func (p *process) runs() bool { return p.cmd != nil }

func (p *process) status() (id, leader uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	status, err := p.admin.Status(ctx, p.admin.Endpoints()[0])
	if err != nil {
		return 0, 0
	}
	return status.Header.MemberId, status.Leader
}

func (p *process) moveLeader(ctx context.Context, to uint64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := p.admin.MoveLeader(ctx, to)
	return err
}

func (p *process) cut(id uint64) { p.gate.shut(id) }

func (p *process) mend(id uint64) { p.gate.open(id) }

func (p *process) pause(m *Member) error {
	m.isolated = true
	return p.cmd.Process.Signal(syscall.SIGSTOP)
}

func (p *process) resume(m *Member) error {
	m.isolated = false
	return p.cmd.Process.Signal(syscall.SIGCONT)
}

func (p *process) kill(hangUp func()) {
	_ = p.cmd.Process.Kill() // a process that has ended by itself stays so
	<-p.exited
	hangUp()
	if p.admin != nil {
		p.admin.Close()
	}
	p.cmd, p.admin = nil, nil
}

func (p *process) close() {
	if p.gate != nil {
		p.gate.close()
	}
}
