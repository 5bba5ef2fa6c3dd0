package failover

import (
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// TestEtcd: three members lose nothing, without any setting.
func TestEtcd(t *testing.T) {
	t.Parallel()
	m := &members{t: t, cluster: etcdtest.Start(t, 3, etcdtest.QuickElections)}
	m.awaitWhole()
	runFailovers(t, m)
}

// members are three of etcd. Their leader is the master.
type members struct {
	t       *testing.T
	cluster *etcdtest.Cluster
}

// A member is the server that others call a master or a replica.
type member struct {
	*etcdtest.Member
	t *testing.T
}

func (m member) Addr() string { return m.Endpoint() }

func (m member) Pause() {
	if err := m.Member.Pause(); err != nil {
		m.t.Error(err)
	}
}

const (
	cutOff kind = "cut off from the others"
	alone  kind = "killed with all others"
)

func (m *members) store(bool) *checkpoint.Store { return m.open(m.cluster.URL()) }

func (m *members) clinging(master server, _ bool) *checkpoint.Store {
	return m.open("etcd://" + master.Addr())
}

func (m *members) open(url string) *checkpoint.Store {
	d, err := etcdstore.Open(m.t.Context(), url, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	m.t.Cleanup(func() { store.Close() })
	return store
}

func (m *members) durable() bool { return true }

func (m *members) prefix(server) string { return "" }

func (m *members) master() server { return member{m.cluster.Leader(m.t), m.t} }

func (m *members) command(master server) {
	until(m.t, "the leader hands over", func() bool {
		for _, other := range m.cluster.Members {
			if other == m.cluster.Leader(m.t) {
				continue
			}
			if master.(member).MoveLeader(m.t.Context(), other) == nil {
				return true
			}
		}
		return m.cluster.Leader(m.t) != master.(member).Member
	})
}

func (m *members) awaitSuccessor(master server) {
	until(m.t, "another member leads", func() bool { return m.cluster.Leader(m.t) != master.(member).Member })
}

func (m *members) restart(former server) { former.(member).Restart(m.t) }

func (m *members) resume(former server) {
	if err := former.(member).Resume(); err != nil {
		m.t.Error(err)
	}
}

// awaitWhole waits until every member has a leader, and has stored something.
func (m *members) awaitWhole() {
	m.cluster.Leader(m.t)
	for _, member := range m.cluster.Members {
		client := member.Client(m.t)
		until(m.t, "every member answers", func() bool {
			_, err := client.Get(m.t.Context(), "none")
			return err == nil
		})
		client.Close()
	}
}

func (m *members) own() map[kind]func(server, func()) {
	return map[kind]func(server, func()){
		cutOff: func(master server, between func()) {
			master.(member).Isolate()
			m.awaitSuccessor(master)
			between()
			master.(member).Rejoin()
		},
		alone: func(_ server, between func()) {
			for _, member := range m.cluster.Members {
				member.Kill()
			}
			between()
			time.Sleep(time.Second)
			for _, member := range m.cluster.Members {
				member.Restart(m.t)
			}
		},
	}
}
