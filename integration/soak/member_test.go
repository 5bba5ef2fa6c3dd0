package soak

import (
	"context"
	"net"
	"net/url"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/integration/internal/process"
)

// A member is an etcd in a process of its own. Otherwise its heap would hide how much the store
// needs.
type member struct {
	testing.TB
	task    task
	process *process.Process
}

// A task is what the process of a member is to do.
type task struct{ Dir, ClientAddr, PeerAddr string }

// serve is the process of a member.
func serve(ctx context.Context, t task) error {
	cfg := embed.NewConfig()
	cfg.Dir = t.Dir
	cfg.ListenClientUrls = []url.URL{{Scheme: "http", Host: t.ClientAddr}}
	cfg.ListenPeerUrls = []url.URL{{Scheme: "http", Host: t.PeerAddr}}
	cfg.AdvertiseClientUrls, cfg.AdvertisePeerUrls = cfg.ListenClientUrls, cfg.ListenPeerUrls
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.AutoCompactionMode, cfg.AutoCompactionRetention = "periodic", "1m" // its space is not endless
	cfg.UnsafeNoFsync = true
	etcdtest.QuickElections(cfg)
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	server, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer server.Close()
	select {
	case <-ctx.Done():
		return nil
	case err := <-server.Err():
		return err
	}
}

func startMember(tb testing.TB) *member {
	tb.Helper()
	m := &member{TB: tb, task: task{Dir: tb.TempDir(), ClientAddr: etcdtest.FreeAddr(tb), PeerAddr: etcdtest.FreeAddr(tb)}}
	m.Restart()
	tb.Cleanup(m.Kill)
	return m
}

func (m *member) url() string { return "etcd://" + m.task.ClientAddr }

func (m *member) Kill() {
	m.Helper()
	if err := m.process.Died(); err != nil {
		m.Error(err)
	}
	m.process.Kill()
}

// Restart starts the process, and waits until it listens. Another process may use its port
// for a moment.
func (m *member) Restart() {
	m.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if m.process == nil || m.process.Died() != nil {
			var err error
			if m.process, err = process.Start("etcd", m.task); err != nil {
				m.Fatal(err)
			}
		}
		if conn, err := net.Dial("tcp", m.task.ClientAddr); err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			m.Fatalf("etcd does not listen at %s: %v", m.task.ClientAddr, m.process.Died())
		}
	}
}
