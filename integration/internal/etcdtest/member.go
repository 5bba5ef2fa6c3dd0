package etcdtest

import (
	"net/url"
	"os"
	"testing"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/types"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/checkpointstore/checkpoint/integration/internal/network"
)

// A Member is one server. Its clients reach it through a proxy.
type Member struct {
	cluster    *Cluster
	name, dir  string
	peers      string
	peerURL    string
	clientAddr string
	configure  []func(*embed.Config)
	server     *embed.Etcd // nil: it does not run
	proxy      *network.Proxy
	id         types.ID
	isolated   bool
}

// Endpoint is where clients connect.
func (m *Member) Endpoint() string { return m.proxy.Addr() }

// Client returns a client of this member alone.
func (m *Member) Client(tb testing.TB, configure ...func(*clientv3.Config)) *clientv3.Client {
	tb.Helper()
	return client(tb, []string{m.Endpoint()}, configure)
}

// Server is the member's server. It is nil while the member does not run.
func (m *Member) Server() *embed.Etcd { return m.server }

func (m *Member) config(tb testing.TB) *embed.Config {
	tb.Helper()
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.InitialCluster = m.name, m.dir, m.peers
	cfg.ListenPeerUrls = []url.URL{parse(tb, m.peerURL)}
	cfg.AdvertisePeerUrls = cfg.ListenPeerUrls
	cfg.ListenClientUrls = []url.URL{parse(tb, "http://"+m.clientAddr)}
	cfg.AdvertiseClientUrls = cfg.ListenClientUrls
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	cfg.UnsafeNoFsync = true // a member is killed, but its machine never is
	for _, change := range m.configure {
		change(cfg)
	}
	return cfg
}

func parse(tb testing.TB, s string) url.URL {
	tb.Helper()
	u, err := url.Parse(s)
	if err != nil {
		tb.Fatal(err)
	}
	return *u
}

func (m *Member) launch(tb testing.TB) {
	tb.Helper()
	var err error
	// The port may be taken by an outgoing connection that ends soon.
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if m.server, err = embed.StartEtcd(m.config(tb)); err == nil {
			return
		}
		if m.server = nil; time.Now().After(deadline) {
			tb.Fatalf("member %s does not start: %v", m.name, err)
		}
	}
}

func (m *Member) await(tb testing.TB) {
	tb.Helper()
	select {
	case <-m.server.Server.ReadyNotify():
		m.id = m.server.Server.MemberID()
	case <-time.After(patience):
		tb.Fatalf("member %s is not ready after %v", m.name, patience)
	}
}

func (m *Member) connect(tb testing.TB) {
	tb.Helper()
	var err error
	if m.proxy, err = network.New(m.clientAddr); err != nil {
		tb.Fatal(err)
	}
}

// Kill stops the member at once. It does not hand over the lead before.
func (m *Member) Kill() { m.stop() }

func (m *Member) stop() {
	if m.server == nil {
		return
	}
	m.server.Server.HardStop()
	if m.proxy != nil {
		_ = m.proxy.Reset() // Close would wait for the calls under way
	}
	m.server.Close()
	m.server = nil
}

// Restart starts the member again after Kill, over its data. It does not wait for a
// leader.
func (m *Member) Restart(tb testing.TB) {
	tb.Helper()
	m.isolated = false
	m.launch(tb)
}

// Wipe removes what a member that does not run has on its disk.
func (m *Member) Wipe(tb testing.TB) {
	tb.Helper()
	if err := os.RemoveAll(m.dir); err != nil {
		tb.Fatal(err)
	}
}

// Isolate cuts the member off from all others. Clients reach it.
func (m *Member) Isolate() {
	m.isolated = true
	m.others(func(other *Member) {
		m.server.Server.CutPeer(other.id)
		other.server.Server.CutPeer(m.id)
	})
}

// Rejoin ends Isolate.
func (m *Member) Rejoin() {
	m.isolated = false
	m.others(func(other *Member) {
		m.server.Server.MendPeer(other.id)
		other.server.Server.MendPeer(m.id)
	})
}

// others calls do for the other members that run.
func (m *Member) others(do func(*Member)) {
	for _, other := range m.cluster.Members {
		if other != m && other.server != nil && m.server != nil {
			do(other)
		}
	}
}

// Proxy is what lies between clients and the member.
func (m *Member) Proxy() *network.Proxy { return m.proxy }

// Pause cuts the member off from all others and from clients, whose connections stay
// open, as if its machine stood still.
func (m *Member) Pause() error {
	m.Isolate()
	return m.proxy.Hurt(network.Cut(false)...)
}

// Resume ends Pause.
func (m *Member) Resume() error {
	m.Rejoin()
	return m.proxy.Heal()
}
