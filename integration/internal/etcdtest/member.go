package etcdtest

import (
	"context"
	"net/url"
	"os"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/checkpointstore/checkpoint/integration/internal/network"
)

// A Member is one server. Its clients reach it through a proxy.
type Member struct {
	cluster    *Cluster
	name, dir  string
	peers      string
	peerAddr   string
	clientAddr string
	configure  []func(*embed.Config)
	runner     runner
	proxy      *network.Proxy
	id         uint64
	isolated   bool
}

// Endpoint is where clients connect.
func (m *Member) Endpoint() string { return m.proxy.Addr() }

// Direct is where clients reach the member without the proxy.
func (m *Member) Direct() string { return m.clientAddr }

// Client returns a client of this member alone.
func (m *Member) Client(tb testing.TB, configure ...func(*clientv3.Config)) *clientv3.Client {
	tb.Helper()
	return Connect(tb, []string{m.Endpoint()}, configure...)
}

// ID is what etcd calls the member.
func (m *Member) ID() uint64 { return m.id }

// Dir is the folder of the member's data.
func (m *Member) Dir() string { return m.dir }

// Server is the server of a member of [StartEmbedded]. It is nil while the member does not
// run.
func (m *Member) Server() *embed.Etcd { return m.runner.(*embedded).server }

func (m *Member) config() *embed.Config {
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.InitialCluster = m.name, m.dir, m.peers
	cfg.ListenPeerUrls = []url.URL{{Scheme: "http", Host: m.peerAddr}}
	cfg.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: m.runner.reach(m.peerAddr)}}
	cfg.ListenClientUrls = []url.URL{{Scheme: "http", Host: m.clientAddr}}
	cfg.AdvertiseClientUrls = cfg.ListenClientUrls
	cfg.UnsafeNoFsync = true // a member is killed, but its machine never is
	cfg.BcryptCost = 4       // a token would expire while the race detector watches its password
	for _, change := range m.configure {
		change(cfg)
	}
	return cfg
}

// QuickElections lets another member lead within a second after the leader is gone.
func QuickElections(c *embed.Config) { c.TickMs, c.ElectionMs = 30, 300 }

func (m *Member) launch(tb testing.TB) {
	tb.Helper()
	// Another process may use the port for a moment.
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := m.runner.start(m.config())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("member %s does not start: %v", m.name, err)
		}
	}
}

func (m *Member) await(tb testing.TB) {
	tb.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if m.id, _ = m.runner.status(); m.id != 0 {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("member %s is not ready after %v", m.name, patience)
		}
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
	if !m.runner.runs() {
		return
	}
	m.runner.kill(func() {
		if m.proxy != nil {
			_ = m.proxy.Reset()
		}
	})
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

// MoveLeader asks the member, which leads, to hand over to another one. That one may lag
// too far.
func (m *Member) MoveLeader(ctx context.Context, to *Member) error {
	return m.runner.moveLeader(ctx, to.id)
}

// Isolate cuts the member off from all others. Clients reach it.
func (m *Member) Isolate() {
	m.isolated = true
	m.others(func(other *Member) {
		m.runner.cut(other.id)
		other.runner.cut(m.id)
	})
}

// Rejoin ends Isolate.
func (m *Member) Rejoin() {
	m.isolated = false
	m.others(func(other *Member) {
		m.runner.mend(other.id)
		other.runner.mend(m.id)
	})
}

// others calls do for the other members that run.
func (m *Member) others(do func(*Member)) {
	for _, other := range m.cluster.Members {
		if other != m && other.runner.runs() && m.runner.runs() {
			do(other)
		}
	}
}

// Proxy is what lies between clients and the member.
func (m *Member) Proxy() *network.Proxy { return m.proxy }

// Pause stops the process of the member. If the member has none, Pause cuts it off from
// all others and from clients, whose connections stay open, as if its machine stood still.
func (m *Member) Pause() error { return m.runner.pause(m) }

// Resume ends Pause.
func (m *Member) Resume() error { return m.runner.resume(m) }

func (m *Member) cutOff() error {
	m.Isolate()
	return m.proxy.Hurt(network.Cut(false)...)
}

func (m *Member) joinAgain() error {
	m.Rejoin()
	return m.proxy.Heal()
}
