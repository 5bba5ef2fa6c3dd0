package histories

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// TestEtcd lets every fault strike three members while clients work.
func TestEtcd(t *testing.T) {
	t.Parallel()
	outlast(t, sites["etcd"])
}

// A member is a server of etcd as the faults of servers see it.
type member struct {
	*etcdtest.Member
	t *testing.T
}

func (m member) Addr() string { return m.Endpoint() }

func (m member) Restart() {
	m.Kill()
	m.Member.Restart(m.t)
}

func (m member) Pause() { m.must(m.Member.Pause()) }

func (m member) Resume() { m.must(m.Member.Resume()) }

func (m member) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func memberOf(n *node) member { return n.server.(member) }

func startEtcd(t *testing.T) *site {
	t.Helper()
	e := &etcd{t: t, cluster: etcdtest.Start(t, 3, etcdtest.QuickElections)}
	var members []member
	for _, m := range e.cluster.Members {
		members = append(members, member{m, t})
	}
	s := newSite(t, members...)
	s.connect = func(by func(string) string) engine {
		var endpoints []string
		for _, n := range s.nodes {
			endpoints = append(endpoints, by(n.Addr()))
		}
		return etcdAt(t, e.cluster, endpoints)
	}
	s.hangUp = func(n *node) { memberOf(n).must(memberOf(n).Proxy().Reset()) }
	s.own = e.faults()
	s.whole = func() bool { return e.cluster.Leader(t) != nil }
	return s
}

// etcdAt connects to endpoints. It keeps no connection waiting for long that was refused.
func etcdAt(t *testing.T, c *etcdtest.Cluster, endpoints []string, opts ...grpc.DialOption) engine {
	t.Helper()
	soon := backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.5, MaxDelay: 100 * time.Millisecond}
	client := c.Client(t, func(config *clientv3.Config) {
		config.Endpoints = endpoints
		config.DialOptions = append([]grpc.DialOption{
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: soon, MinConnectTimeout: answerWithin}),
		}, opts...)
	})
	d, err := etcdstore.New(client, &etcdstore.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return impatient{d}
}

// etcd is the members, for faults of theirs.
type etcd struct {
	t       *testing.T
	cluster *etcdtest.Cluster
}

func (e *etcd) faults() []fault {
	admin := e.cluster.Client(e.t)
	return []fault{
		{"the leader is killed", func(*site, *node) {
			leader := e.cluster.Leader(e.t)
			leader.Kill()
			time.Sleep(600 * time.Millisecond)
			leader.Restart(e.t)
		}},
		{"most members are killed", func(s *site, n *node) {
			for _, other := range s.nodes {
				if other != n {
					memberOf(other).Kill()
				}
			}
			time.Sleep(200 * time.Millisecond)
			for _, other := range s.nodes {
				if other != n {
					memberOf(other).Member.Restart(e.t)
				}
			}
		}},
		{"a member is cut off from the others", func(_ *site, n *node) { isolate(memberOf(n).Member) }},
		{"the leader is cut off from the others", func(*site, *node) { isolate(e.cluster.Leader(e.t)) }},
		{"the lead moves", func(s *site, _ *node) {
			for range 4 {
				e.moveTo(memberOf(s.any()).Member)
				time.Sleep(20 * time.Millisecond)
			}
		}},
		{"compaction and defragmentation", func(*site, *node) { e.compact(admin) }},
		{"an alarm of NOSPACE", func(*site, *node) { e.outOfSpace(admin) }},
	}
}

func isolate(m *etcdtest.Member) {
	m.Isolate()
	time.Sleep(600 * time.Millisecond)
	m.Rejoin()
}

// moveTo makes a member the leader, unless it leads.
func (e *etcd) moveTo(m *etcdtest.Member) {
	if leader := e.cluster.Leader(e.t); leader != m {
		_ = leader.MoveLeader(e.t.Context(), m)
	}
}

func (e *etcd) compact(admin *clientv3.Client) {
	ctx := context.WithoutCancel(e.t.Context())
	for range 3 {
		at, err := admin.Get(ctx, "none")
		if err != nil {
			e.t.Fatal(err)
		}
		// The client may send a compaction twice, and there may have been no change since the last.
		if _, err := admin.Compact(ctx, at.Header.Revision, clientv3.WithCompactPhysical()); err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
			e.t.Fatal(err)
		}
		for _, endpoint := range e.cluster.Endpoints() {
			if _, err := admin.Defragment(ctx, endpoint); err != nil {
				e.t.Fatal(err)
			}
		}
	}
}

// outOfSpace has the members refuse changes for a while, as if they were full.
func (e *etcd) outOfSpace(admin *clientv3.Client) {
	ctx := context.WithoutCancel(e.t.Context())
	full := &pb.AlarmRequest{
		Action: pb.AlarmRequest_ACTIVATE, Alarm: pb.AlarmType_NOSPACE,
		MemberID: e.cluster.Members[0].ID(),
	}
	if _, err := pb.NewMaintenanceClient(admin.ActiveConnection()).Alarm(ctx, full); err != nil {
		e.t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	if _, err := admin.AlarmDisarm(ctx, new(clientv3.AlarmMember)); err != nil {
		e.t.Fatal(err)
	}
}
