package million

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// pings are the times that the server takes to answer somebody else.
type pings struct {
	mu    sync.Mutex
	times []time.Duration
}

// startPings sends one PING after another over a connection of its own until
// the test ends, with a pause so that it does not take a processor for itself.
func startPings(t *testing.T, server *redistest.Server) *pings {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), PoolSize: 1})
	p := &pings{}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for tick := time.NewTicker(time.Millisecond); ; {
			start := time.Now()
			if err := client.Ping(t.Context()).Err(); err != nil && t.Context().Err() == nil {
				t.Errorf("PING: %v", err)
			}
			p.mu.Lock()
			p.times = append(p.times, time.Since(start))
			p.mu.Unlock()
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		wg.Wait()
		client.Close()
	})
	return p
}

// take describes the times since it was last called.
func (p *pings) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.times)
	n := len(p.times)
	if n == 0 {
		return "no PING was answered"
	}
	text := fmt.Sprintf("%d PINGs: p50 %v, p99 %v, longest %v", n, p.times[n/2], p.times[n*99/100], p.times[n-1])
	p.times = p.times[:0]
	return text
}
