package groups

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// BenchmarkMembers runs 10 members with 1,000 partitions on Redis, in one process, while
// nothing happens. One iteration is a beat of each member. What the members cost includes
// the renewal of their leases, and the subscriptions, which have no events.
func BenchmarkMembers(b *testing.B) {
	const members, partitions = 10, 1000
	for _, c := range []struct {
		name    string
		reports time.Duration
	}{{"alone", -1}, {"reports", 0}} {
		b.Run(c.name, func(b *testing.B) {
			g := newIdleGroup(b, members, partitions, c.reports)
			beat := g.ttl / 3
			time.Sleep(beat)
			before := g.cost(b)
			for b.Loop() {
				time.Sleep(beat)
			}
			after, seconds := g.cost(b), b.Elapsed().Seconds()
			beats := members * seconds / beat.Seconds()
			b.ReportMetric(0, "ns/op")
			b.ReportMetric((after.trips-before.trips)/beats, "roundtrips/beat")
			b.ReportMetric(100*(after.cpu-before.cpu)/seconds/members, "%core/member")
			b.ReportMetric((after.commands-before.commands)/seconds, "commands/s")
			b.ReportMetric(100*(after.server-before.server)/seconds, "%core/server")
		})
	}
}

// An idleGroup is a group without events.
type idleGroup struct {
	server *redistest.Server
	ttl    time.Duration
	trips  atomic.Int64
	held   atomic.Int64
}

// newIdleGroup returns when each partition is held.
func newIdleGroup(b *testing.B, members, n int, reports time.Duration) *idleGroup {
	b.Helper()
	g := &idleGroup{server: redistest.Start(b), ttl: 15 * time.Second}
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	b.Cleanup(func() {
		end()
		running.Wait()
	})
	for i := range members {
		client := redis.NewClient(&redis.Options{Addr: g.server.Addr(), Dialer: g.dial})
		d, err := redisstore.New(client, nil)
		if err != nil {
			b.Fatal(err)
		}
		store := checkpoint.New(d, nil)
		running.Go(func() {
			defer func() { _, _ = store.Close(), client.Close() }()
			err := group.Run(ctx, store, groupName, group.Fixed(partitions(n)...), &group.Options{
				Member: fmt.Sprint("member-", i), TTL: g.ttl,
				Subscription: func(string) subscription.Options {
					return subscription.Options{Missing: subscription.FromStart, ReportEvery: reports}
				},
			}, g.consume)
			if err != nil {
				b.Error(err)
			}
		})
	}
	for deadline := time.Now().Add(patience); g.held.Load() < int64(n); time.Sleep(often) {
		if time.Now().After(deadline) {
			b.Fatalf("after %v, %d partitions are held", patience, g.held.Load())
		}
	}
	return g
}

func (g *idleGroup) consume(ctx context.Context, _ string, _ *subscription.Subscription) error {
	g.held.Add(1)
	defer g.held.Add(-1)
	<-ctx.Done()
	return nil
}

func (g *idleGroup) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	return &countingConn{Conn: conn, trips: &g.trips}, err
}

// A countingConn counts round trips: an answer that is read after a request was written.
type countingConn struct {
	net.Conn
	trips *atomic.Int64
	asked atomic.Bool
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.asked.Store(true)
	return c.Conn.Write(p)
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.asked.Swap(false) {
		c.trips.Add(1)
	}
	return n, err
}

// A cost is what was spent until now: round trips, and seconds of a core.
type cost struct{ trips, cpu, commands, server float64 }

func (g *idleGroup) cost(b *testing.B) cost {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return cost{
		trips:    float64(g.trips.Load()),
		cpu:      time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds(),
		commands: g.info(b, "stats", "total_commands_processed"),
		server:   g.info(b, "cpu", "used_cpu_user") + g.info(b, "cpu", "used_cpu_sys"),
	}
}

func (g *idleGroup) info(b *testing.B, section, field string) float64 {
	b.Helper()
	text, _ := g.server.Do("INFO", section).(string)
	_, after, _ := strings.Cut(text, "\n"+field+":")
	value, _, _ := strings.Cut(after, "\r")
	n, err := strconv.ParseFloat(value, 64)
	if err != nil {
		b.Fatalf("%s of INFO %s: %v", field, section, err)
	}
	return n
}
