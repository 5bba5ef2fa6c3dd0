// Package etcdtest starts members of etcd, and breaks them. They run in the process of the
// test. If the environment's ETCDTEST_SERVER names a server of scripts/install-servers.sh,
// each member is a process of that server.
package etcdtest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// Leftovers are the goroutines that members leave behind, for leaktest.Check. The server of
// etcd leaves some when it stops. Toxiproxy leaves one if a connection ends while it is cut,
// or while there is more to send.
var Leftovers = []string{"etcd/server/v3", "Shopify/toxiproxy"}

// A Cluster is some members of etcd. Its methods, and those of its members, are for one
// goroutine at a time.
type Cluster struct {
	Members []*Member
}

// Start starts a cluster of n members, and stops it through tb.Cleanup. Each function of
// configure changes the configuration of every member.
func Start(tb testing.TB, n int, configure ...func(*embed.Config)) *Cluster {
	tb.Helper()
	if Processes() {
		return start(tb, n, configure, newProcess)
	}
	return StartEmbedded(tb, n, configure...)
}

// Processes reports whether the members of [Start] are processes.
func Processes() bool { return os.Getenv(variable) != "" }

// StartEmbedded is Start for a test that needs [Member.Server]. The members run in the
// process of the test, whatever ETCDTEST_SERVER says.
func StartEmbedded(tb testing.TB, n int, configure ...func(*embed.Config)) *Cluster {
	tb.Helper()
	return start(tb, n, configure, newEmbedded)
}

func start(tb testing.TB, n int, configure []func(*embed.Config), newRunner func(testing.TB) runner) *Cluster {
	tb.Helper()
	c, dir := new(Cluster), tb.TempDir()
	tb.Cleanup(c.stop) // before the folder goes
	var peers []string
	for i := range n {
		name := fmt.Sprintf("m%d", i)
		m := &Member{
			cluster: c, name: name, dir: filepath.Join(dir, name), configure: configure,
			runner: newRunner(tb), peerAddr: FreeAddr(tb), clientAddr: FreeAddr(tb),
		}
		peers = append(peers, m.name+"=http://"+m.runner.reach(m.peerAddr))
		c.Members = append(c.Members, m)
	}
	for _, m := range c.Members {
		m.peers = strings.Join(peers, ",")
		m.launch(tb)
	}
	for _, m := range c.Members {
		m.await(tb)
		m.connect(tb)
	}
	return c
}

func (c *Cluster) stop() {
	for _, m := range c.Members {
		m.stop()
		if m.proxy != nil {
			m.proxy.Close()
		}
		m.runner.close()
	}
}

// Endpoints are the addresses of all members. Each is one of a proxy before the member.
func (c *Cluster) Endpoints() []string {
	endpoints := make([]string, len(c.Members))
	for i, m := range c.Members {
		endpoints[i] = m.Endpoint()
	}
	return endpoints
}

// URL is the URL for etcdstore.Open of all members.
func (c *Cluster) URL() string { return "etcd://" + strings.Join(c.Endpoints(), ",") }

// Client returns a client of all members, and closes it through tb.Cleanup. Each
// function of configure changes its configuration.
func (c *Cluster) Client(tb testing.TB, configure ...func(*clientv3.Config)) *clientv3.Client {
	tb.Helper()
	return Connect(tb, c.Endpoints(), configure...)
}

// Connect returns a client of the members at endpoints, as [Cluster.Client] does.
func Connect(tb testing.TB, endpoints []string, configure ...func(*clientv3.Config)) *clientv3.Client {
	tb.Helper()
	config := clientv3.Config{
		Endpoints: endpoints, Logger: zap.NewNop(),
		DialKeepAliveTime: 6 * time.Second, DialKeepAliveTimeout: 3 * time.Second,
	}
	for _, change := range configure {
		change(&config)
	}
	cl, err := clientv3.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { cl.Close() })
	return cl
}

// Leader returns the member that leads, once the members that run agree on one.
func (c *Cluster) Leader(tb testing.TB) *Member {
	tb.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if leader := c.agreed(); leader != nil {
			return leader
		}
	}
	for _, m := range c.Members {
		tb.Logf("member %s, %x: %v", m.name, m.id, m.runner)
	}
	tb.Fatalf("the members have no leader after %v", patience)
	return nil
}

func (c *Cluster) agreed() (leader *Member) {
	for _, m := range c.Members {
		if !m.runner.runs() || m.isolated {
			continue
		}
		_, id := m.runner.status()
		of := c.byID(id)
		if of == nil || leader != nil && leader != of {
			return nil
		}
		leader = of
	}
	return leader
}

// byID returns a member that runs and is not isolated.
func (c *Cluster) byID(id uint64) *Member {
	for _, m := range c.Members {
		if m.runner.runs() && !m.isolated && m.id == id {
			return m
		}
	}
	return nil
}

// patience is how long members may take to do what they must.
const patience = 30 * time.Second

// FreeAddr returns an address for a member, which must be free whenever the member starts
// again.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(servertest.FreePort(tb)))
}
