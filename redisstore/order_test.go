package redisstore_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// A lateConn passes on what holds match only once late is closed, as a network
// may, also where the client has given up meanwhile.
type lateConn struct {
	net.Conn
	match []byte
	late  <-chan struct{}
	held  *sync.WaitGroup
}

func (c *lateConn) Write(b []byte) (int, error) {
	if !bytes.Contains(b, c.match) {
		return c.Conn.Write(b)
	}
	b = bytes.Clone(b)
	c.held.Go(func() {
		<-c.late
		_, _ = c.Conn.Write(b)
		_, _ = c.Conn.Read(make([]byte, 1024)) // it has run
		_ = c.Conn.Close()
	})
	return len(b), nil
}

// Close leaves the connection to what is late.
func (c *lateConn) Close() error { return nil }

func (c *lateConn) SetWriteDeadline(time.Time) error { return nil }

// TestNothingOvertakesAWriteThatIsUnderWay: what was sent before, and may still
// arrive, would otherwise undo a later write of the same call that Advanced.
func TestNothingOvertakesAWriteThatIsUnderWay(t *testing.T) {
	server := redistest.Start(t)
	works(t, inNamespace(t, standalone(t, server), "prod:"), writes) // the server knows the script
	late := make(chan struct{})
	var held sync.WaitGroup
	client := redis.NewClient(&redis.Options{
		Addr: server.Addr(), ReadTimeout: 200 * time.Millisecond,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &lateConn{conn, []byte("111"), late, &held}, err
		},
	})
	t.Cleanup(func() { client.Close() })
	store := inNamespace(t, client, "prod:")
	outcomes, err := store.Apply(t.Context(),
		checkpoint.Write{Key: "k", Mark: checkpoint.Mark{Position: at(111, 1)}}, checkpoint.Write{Key: "k", Mark: checkpoint.Mark{Position: at(222, 2)}})
	close(late)
	held.Wait()
	if outcomes[0] != checkpoint.Unknown {
		t.Errorf("Apply is %v, %v; want the first Unknown", outcomes, err)
	}
	if got := must(store.Get(t.Context(), "k")).Position; outcomes[1].Landed() && got != at(222, 2) {
		t.Errorf("the second write is %v, and the checkpoint at %v", outcomes[1], got)
	}
}
