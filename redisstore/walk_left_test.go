package redisstore_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// scans is a hook that calls before with the number of each SCAN, from 1. One
// for which that returns an error is not sent.
type scans struct {
	before    func(n int32) error
	sent, had atomic.Int32 // how many were sent, and have ended
}

func (*scans) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (*scans) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (s *scans) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() != "scan" {
			return next(ctx, cmds)
		}
		defer s.had.Add(1)
		if err := s.before(s.sent.Add(1)); err != nil {
			for _, c := range cmds {
				c.SetErr(err)
			}
			return err
		}
		return next(ctx, cmds)
	}
}

// inUse is how many connections are.
func inUse(client *redis.Client) int {
	s := client.PoolStats()
	return int(s.TotalConns) - int(s.IdleConns)
}

// fewConnections is a patient client whose pool can spare no connection for calls that are
// alone, which would always be in use.
func fewConnections(tb testing.TB, server *redistest.Server) *redis.Client {
	tb.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ReadTimeout: -1, WriteTimeout: -1, MaxRetries: -1, Protocol: 2, PoolSize: 3})
	tb.Cleanup(func() { client.Close() })
	return client
}

// Keys that were found before the connection broke, but not yielded, must not
// count as seen.
func TestScanOfFewKeysAmongMany(t *testing.T) {
	server := redistest.Start(t)
	client := standalone(t, server)
	fill(t, inNamespace(t, client, "other:"), 2000)
	s := inNamespace(t, client, "prod:")
	fill(t, s, 20)
	const last = 2000 / 500 // the last SCAN of the first walk
	client.AddHook(&scans{before: func(n int32) error {
		if n == last {
			server.Do("CLIENT", "KILL", "TYPE", "normal")
		}
		return nil
	}})
	found := make(map[string]bool)
	for key, err := range s.Scan(t.Context(), "*", checkpoint.PageSize(500)) {
		if err != nil {
			t.Fatal(err)
		}
		if found[key] {
			t.Errorf("%s came twice", key)
		}
		found[key] = true
	}
	if len(found) != 20 {
		t.Errorf("found %d of 20 keys", len(found))
	}
}

// The next SCAN is under way while the caller is at a page. Whoever leaves then
// leaves nothing behind on the server, and no connection in use.
func TestLeavingALoopWaitsForTheScanUnderWay(t *testing.T) {
	for name, loop := range map[string]func(ctx context.Context, s *checkpoint.Store, body func()){
		"Scan": func(ctx context.Context, s *checkpoint.Store, body func()) {
			for range s.Scan(ctx, "*", checkpoint.PageSize(10)) {
				body()
				break
			}
		},
		"GetAll": func(ctx context.Context, s *checkpoint.Store, body func()) {
			for range s.GetAll(ctx, "*", checkpoint.PageSize(10)) {
				body()
				break
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			client := fewConnections(t, server)
			s := inNamespace(t, client, "prod:")
			fill(t, s, 200)
			underWay := make(chan struct{})
			hook := &scans{before: func(n int32) error {
				if n == 2 {
					server.Do("CLIENT", "PAUSE", "300", "ALL") // so that it takes that long
					close(underWay)
				}
				return nil
			}}
			client.AddHook(hook)
			loop(t.Context(), s, func() {
				select {
				case <-underWay:
				case <-time.After(patience):
					t.Error("no SCAN is under way while the caller is at a page")
				}
			})
			sent, had, used := hook.sent.Load(), hook.had.Load(), inUse(client)
			if had != sent || used != 0 {
				t.Errorf("of %d SCANs %d have ended, and %d connections are in use; want all, and none", sent, had, used)
			}
		})
	}
}

// Nobody waits longer than their context for a server that hangs, and the
// connection comes back once the client gives that server up.
func TestLeavingALoopOnAHungServerEndsWithTheContext(t *testing.T) {
	for name, leave := range map[string]bool{"who stays": false, "who leaves": true} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			client := fewConnections(t, server)
			s := inNamespace(t, client, "prod:")
			fill(t, s, 200)
			underWay := make(chan struct{})
			client.AddHook(&scans{before: func(n int32) error {
				if n == 2 {
					server.Pause()
					close(underWay)
				}
				return nil
			}})
			enough := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			done := make(chan error, 1)
			go func() {
				var last error
				for _, err := range s.Scan(ctx, "*", checkpoint.PageSize(10)) {
					last = err
					<-underWay
					cancel(enough)
					if leave {
						break
					}
				}
				done <- last
			}()
			select {
			case err := <-done:
				if !leave && !errors.Is(err, enough) {
					t.Errorf("the last error is %v, want the context's cause", err)
				}
			case <-time.After(patience):
				t.Error("the loop hangs after the context has ended")
			}
			if used := inUse(client); used > 1 {
				t.Errorf("%d connections are in use, want at most that of the SCAN under way", used)
			}
			server.Restart()
			eventually(t, "the connection is back", func() bool { return inUse(client) == 0 })
		})
	}
}

// load is a hook that counts what reads send at a time.
type load struct {
	mu                    sync.Mutex
	underWay, most, total int
	mostKeys, mostQueued  int // of a pipeline, and of a transaction
}

func (*load) DialHook(next redis.DialHook) redis.DialHook { return next }

func (r *load) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error {
		defer r.begin(c)()
		return next(ctx, c)
	}
}

func (r *load) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		defer r.begin(cmds...)()
		return next(ctx, cmds)
	}
}

func (r *load) begin(cmds ...redis.Cmder) (end func()) {
	keys, queued, mostQueued := 0, 0, 0
	for _, c := range cmds {
		switch c.Name() {
		case "hmget":
			keys++
			queued++
			mostQueued = max(mostQueued, queued)
		case "exec":
			queued = 0
		}
	}
	if keys == 0 {
		return func() {}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.underWay++
	r.most, r.total = max(r.most, r.underWay), r.total+keys
	r.mostKeys, r.mostQueued = max(r.mostKeys, keys), max(r.mostQueued, mostQueued)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.underWay--
	}
}

// A walk that always had something for the server to do would hold up all others.
func TestGetAllReadsGently(t *testing.T) {
	const n = 3000
	client := standalone(t, redistest.Start(t))
	s := inNamespace(t, client, "prod:")
	fill(t, s, n)
	r := new(load)
	client.AddHook(r)
	found := 0
	for _, err := range s.GetAll(t.Context(), "*", checkpoint.PageSize(1000)) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if found != n || r.total != n || r.most > 2 || r.mostKeys > 128 || r.mostQueued > 64 {
		t.Errorf("found %d and read %d of %d keys, with up to %d pipelines of up to %d keys at a time, and up to %d keys "+
			"in a transaction; want 2 of 128, and 64", found, r.total, n, r.most, r.mostKeys, r.mostQueued)
	}
}

// A context may end while the caller works on the error. Which of the two the loop
// sees first is chance, so the test tries often.
func TestOneErrorEndsALoop(t *testing.T) {
	d := must(redisstore.New(standalone(t, redistest.Start(t)), nil))
	d.Close()
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		pairs := 0
		for _, err := range d.ScanRecords(ctx, "*", 10) {
			cancel()
			if pairs++; !errors.Is(err, checkpoint.ErrClosed) {
				t.Errorf("pair %d has the error %v, want ErrClosed alone", pairs, err)
			}
		}
		cancel()
	}
}
