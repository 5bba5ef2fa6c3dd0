package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// A cutter makes connections that it can cut, as a firewall does that forgets
// them: nothing more arrives, and nobody hears of it.
type cutter struct{ epoch atomic.Int64 }

func (c *cutter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return &cutConn{Conn: conn, cutter: c, epoch: c.epoch.Load()}, err
}

type cutConn struct {
	net.Conn
	cutter *cutter
	epoch  int64
}

func (c *cutConn) dead() bool { return c.epoch != c.cutter.epoch.Load() }

func (c *cutConn) Write(b []byte) (int, error) {
	if c.dead() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// TestHalfOpenConnections cuts all connections of a client, and counts how many
// rounds of calls pass until one in which every call succeeds. A Store may need few
// more than a plain client.
func TestHalfOpenConnections(t *testing.T) {
	const spare = 5 // of 200 ms each
	for name, enabled := range map[string]bool{"until the read timeout": false, "until the deadline": true} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			options := redis.Options{Addr: server.Addr(), MaxRetries: -1, ReadTimeout: time.Second, ContextTimeoutEnabled: enabled}
			plain := roundsUntilAllSucceed(t, options, func(client *redis.Client) func(context.Context, string) error {
				return func(ctx context.Context, key string) error {
					return within(ctx, func() error { return client.Set(ctx, key, "1@1", 0).Err() })
				}
			})
			ours := roundsUntilAllSucceed(t, options, func(client *redis.Client) func(context.Context, string) error {
				s := inNamespace(t, client, "prod:")
				return func(ctx context.Context, key string) error { return s.Set(ctx, key, at(1, 1)) }
			})
			t.Logf("the plain client needs %d rounds, the Store %d", plain, ours)
			if ours > plain+spare {
				t.Errorf("the Store works again after %d rounds, the plain client after %d", ours, plain)
			}
		})
	}
}

// within is what f returns, or the end of ctx, which a client may ignore.
func within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func roundsUntilAllSucceed(t *testing.T, o redis.Options, of func(*redis.Client) func(context.Context, string) error) int {
	t.Helper()
	const callers, deadline = 256, 200 * time.Millisecond
	c := new(cutter)
	o.Dialer = c.dial
	client := redis.NewClient(&o)
	t.Cleanup(func() { client.Close() })
	call := of(client)
	round := func() (failed int64) {
		var calls sync.WaitGroup
		var failures atomic.Int64
		for i := range callers {
			calls.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				if call(ctx, fmt.Sprint("k", i)) != nil {
					failures.Add(1)
				}
			})
		}
		calls.Wait()
		return failures.Load()
	}
	round() // makes the connections
	c.epoch.Add(1)
	n := 1
	for round() > 0 && n < 100 {
		n++
	}
	return n
}

// blind returns a client whose connections cannot be looked into, as those of TLS.
func blind(t *testing.T, server *redistest.Server, poolSize int) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Dialer: new(cutter).dial, PoolSize: poolSize, MaxRetries: -1})
	t.Cleanup(func() { client.Close() })
	return client
}

// TestConnectionsThatTheServerClosed: a client with TLS does not see that its idle
// connections were closed. What a write meets there must not make it Unknown.
func TestConnectionsThatTheServerClosed(t *testing.T) {
	const calls = 20
	server := redistest.Start(t)
	s := inNamespace(t, blind(t, server, calls), "prod:")
	together := func(n int) {
		t.Helper()
		server.Do("CLIENT", "PAUSE", "50", "ALL") // so that they do not follow one another
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				for _, size := range []int{1, 10} {
					batch := make([]checkpoint.Write, size)
					for j := range batch {
						batch[j] = checkpoint.Write{Key: fmt.Sprint(i, "/", j), Mark: checkpoint.Mark{Position: at(1, 1)}}
					}
					if outcomes, err := s.Apply(t.Context(), batch...); err != nil {
						t.Errorf("Apply over connections that were closed: %v, %v", outcomes, err)
					}
				}
			})
		}
		all.Wait()
	}
	together(calls)
	for _, n := range []int{1, calls} {
		time.Sleep(1100 * time.Millisecond)
		server.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		together(n)
	}
}

// TestReadsOverConnectionsThatTheServerClosed: a client with TLS takes one dead connection after
// another. A read must not fail for that.
func TestReadsOverConnectionsThatTheServerClosed(t *testing.T) {
	const calls = 10
	server := redistest.Start(t)
	s := inNamespace(t, blind(t, server, calls), "prod:")
	fill(t, s, 1000)
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	for name, read := range map[string]func() error{
		"Get":     func() error { _, err := s.Get(t.Context(), keys[0]); return err },
		"GetMany": func() error { _, err := s.GetMany(t.Context(), keys...); return err },
		"Inspect": func() error { _, err := s.Inspect(t.Context(), keys[0]); return err },
		"GetAll": func() error {
			n := 0
			for _, err := range s.GetAll(t.Context(), "*") {
				if err != nil {
					return err
				}
				n++
			}
			if n != len(keys) {
				return fmt.Errorf("it found %d of %d keys", n, len(keys))
			}
			return nil
		},
	} {
		server.Do("CLIENT", "PAUSE", "50", "ALL") // so that the reads do not follow one another
		var all sync.WaitGroup
		for i := range calls {
			all.Go(func() {
				if _, err := s.GetMany(t.Context(), keys[i:100+i]...); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		server.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		if err := read(); err != nil {
			t.Errorf("%s over connections that were closed: %v", name, err)
		}
	}
}

// TestWalksHoldNoConnection walks, and calls within its loop, with one connection.
func TestWalksHoldNoConnection(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: redistest.Start(t).Addr(), PoolSize: 1, MaxActiveConns: 1, PipelinePoolSize: -1, PoolTimeout: patience})
	t.Cleanup(func() { client.Close() })
	s := inNamespace(t, client, "prod:")
	fill(t, s, 100)
	n := 0
	for key, err := range s.Scan(t.Context(), "*", checkpoint.PageSize(10)) {
		if err != nil {
			t.Fatal(err)
		}
		for range s.GetAll(t.Context(), "*", checkpoint.PageSize(10)) {
			break
		}
		if err := s.Set(t.Context(), key, at(9, 9)); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 100 {
		t.Errorf("found %d of 100 keys", n)
	}
}

// tenants is a hook that notes the tenants in whose contexts commands are sent.
type tenants struct {
	mu   sync.Mutex
	seen []any
}

type tenant struct{}

func (*tenants) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *tenants) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error {
		s.note(ctx, c)
		return next(ctx, c)
	}
}

func (s *tenants) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		s.note(ctx, cmds...)
		return next(ctx, cmds)
	}
}

func (s *tenants) note(ctx context.Context, cmds ...redis.Cmder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range cmds {
		if c.Name() == "evalsha" {
			s.seen = append(s.seen, ctx.Value(tenant{}))
		}
	}
}

func TestHooksGetTheContextOfSeparateCalls(t *testing.T) {
	const calls = 100
	server := redistest.Start(t)
	client := standalone(t, server)
	hook := new(tenants)
	client.AddHook(hook)
	s := checkpoint.New(must(redisstore.New(client, &redisstore.Options{SeparateCalls: true})), nil)
	works(t, s, writes)
	hook.seen = nil
	var all sync.WaitGroup
	server.Do("CLIENT", "PAUSE", "50", "ALL") // else they would not meet
	for i := range calls {
		all.Go(func() {
			ctx := context.WithValue(t.Context(), tenant{}, i)
			if err := s.Set(ctx, fmt.Sprint(i), at(1, 1)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	seen := make(map[any]bool)
	for _, tenant := range hook.seen {
		seen[tenant] = true
	}
	if len(hook.seen) != calls || len(seen) != calls || seen[nil] {
		t.Errorf("the hook saw %d calls of %d tenants, want %d of as many", len(hook.seen), len(seen), calls)
	}
}

// TestApplyAfterItsContextHasEnded: what was never sent has Failed.
func TestApplyAfterItsContextHasEnded(t *testing.T) {
	const keys, underWay = 10_000, 1000
	server := redistest.Start(t)
	s := inNamespace(t, patient(t, server), "prod:")
	works(t, s, writes)
	batch := make([]checkpoint.Write, keys)
	for i := range batch {
		batch[i] = checkpoint.Write{Key: fmt.Sprint("k", i), Mark: checkpoint.Mark{Position: at(1, 1)}}
	}
	server.Do("CLIENT", "PAUSE", "1000000", "WRITE")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	outcomes, err := s.Apply(ctx, batch...)
	server.Do("CLIENT", "UNPAUSE")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Apply is %v, want the end of its context", err)
	}
	unknown := 0
	for i, o := range outcomes {
		switch o {
		case checkpoint.Unknown:
			unknown++
		case checkpoint.Failed:
		default:
			t.Fatalf("write %d is %v", i, o)
		}
	}
	if unknown > underWay {
		t.Errorf("%d writes are Unknown, want at most the %d that were under way", unknown, underWay)
	}
	for i, o := range outcomes {
		if o == checkpoint.Failed && must(s.Exists(t.Context(), batch[i].Key)) {
			t.Fatalf("%s Failed, and is there", batch[i].Key)
		}
	}
}

// TestLargeForeignValues: of what is no checkpoint only enough is read to say so. A
// transaction reads the fields of a hash whole.
func TestLargeForeignValues(t *testing.T) {
	const size = 32 << 20
	server := redistest.Start(t)
	s := inNamespace(t, standalone(t, server), "prod:")
	works(t, s, every(writes, reads))
	server.Do("SETRANGE", "prod:checkpoint:large", fmt.Sprint(size), "x")
	server.Do("HSET", "prod:checkpoint:field", "prepare", "1", "commit", strings.Repeat("9", 1<<20))
	server.Do("HSET", "prod:checkpoint-fence:{prod:checkpoint:fence}", "epoch", strings.Repeat("9", 1<<20))
	sent := func() int {
		n := 0
		_, after, _ := strings.Cut(server.Do("INFO", "stats").(string), "total_net_output_bytes:")
		fmt.Sscan(after, &n)
		return n
	}
	before := sent()
	scripts := checkpoint.New(must(redisstore.New(standalone(t, server), &redisstore.Options{Namespace: "prod:", NoShortcuts: true})), nil)
	for key, s := range map[string]*checkpoint.Store{"large": s, "field": scripts} {
		_, getErr := s.Get(t.Context(), key)
		_, setErr := s.SetIfNewer(t.Context(), key, at(1, 1))
		_, fenceErr := s.SetIfNewer(t.Context(), "fence", at(1, 1), checkpoint.Epoch(1))
		if i := slices.IndexFunc([]error{getErr, setErr, fenceErr}, func(err error) bool { return !errors.Is(err, checkpoint.ErrCorrupt) }); i >= 0 {
			t.Errorf("%s: call %d does not say that it is damaged: %v, %v, %v", key, i, getErr, setErr, fenceErr)
		}
	}
	must(s.Inspect(t.Context(), "large"))
	if n := sent() - before; n > 100<<10 {
		t.Errorf("the server sent %d bytes about a value of %d", n, size)
	}
}
