package redisstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

// doubts are why replicas may not have what each command of a call has changed,
// or nil where nobody asked.
type doubts []error

func (d doubts) of(i int) error {
	if d == nil {
		return nil
	}
	return d[i]
}

// confirmed is what became of w, whose answer is r, if replicas may not have it.
// What changed nothing stands: there was nothing to confirm.
func confirmed(w *driver.Write, r driver.Result, doubt error) driver.Result {
	switch r.Outcome {
	case driver.Advanced, driver.Unchanged:
	case driver.Stale:
		if w.Epoch == 0 {
			return r
		}
		// It may have raised the fence.
	default:
		return r
	}
	if doubt != nil {
		return driver.Result{Outcome: driver.Unknown, Err: doubt}
	}
	return r
}

// sendChanges sends the commands of one call, and waits for Options.MinReplicas
// replicas to have what they changed. About its error see send.
func (d *Driver) sendChanges(ctx context.Context, cmds ...command) (doubts, error) {
	if d.replicas.min == 0 {
		return nil, d.send(ctx, cmds...)
	}
	var found doubts
	err := await(ctx, func() error {
		found = d.replicas.send(ctx, d.client, cmds)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, d.settle(ctx, cmds)
}

// replicas says how many must have a write, and how long that may take.
type replicas struct {
	min     int
	timeout time.Duration
}

func (r replicas) send(ctx context.Context, client redis.UniversalClient, cmds []command) doubts {
	found := make(doubts, len(cmds))
	todo := make([]int, len(cmds))
	for i := range todo {
		todo[i] = i
	}
	if c, ok := client.(*redis.ClusterClient); ok {
		r.sendToCluster(ctx, c, cmds, todo, found)
	} else {
		r.sendToServer(ctx, stop{client: client}, cmds, todo, found)
	}
	return found
}

// A stop is where commands go: to a server, or to one that is still taking over
// their slot, and answers only who asks for it.
type stop struct {
	client redis.Cmdable
	asking bool
}

// sendToServer sends those of cmds that todo names in a pipeline of their own,
// which is one connection, with WAIT behind them: it waits for what its own
// connection has written.
func (r replicas) sendToServer(ctx context.Context, s stop, cmds []command, todo []int, found doubts) {
	pipe := s.client.Pipeline()
	for _, i := range todo {
		if s.asking {
			_ = pipe.Process(ctx, query(ctx, "asking"))
		}
		_ = pipe.Process(ctx, &cmds[i]) // only queues
	}
	wait := query(ctx, "wait", r.min, r.timeout.Milliseconds())
	_ = pipe.Process(ctx, wait)
	_, _ = pipe.Exec(ctx) // the first command's error
	wait.sayWhy(ctx)
	doubt := r.doubt(wait)
	for _, i := range todo {
		found[i] = doubt
	}
}

func (r replicas) doubt(wait command) error {
	answer, err := wait.answer()
	if err == nil {
		n, ok := answer.(int64)
		if ok && n >= int64(r.min) {
			return nil
		}
		if ok {
			return unconfirmedError{fmt.Errorf("redisstore: the master has it, but only %d of %d replicas have it after %v: "+
				"a failover may lose it", n, r.min, r.timeout)}
		}
		err = unexpected("WAIT", answer)
	}
	return unconfirmedError{fmt.Errorf("redisstore: the master has it, but whether %d replicas have it cannot be told: %w", r.min, err)}
}

// unconfirmedError says why replicas may not have what the master has.
type unconfirmedError struct{ error }

func (e unconfirmedError) Unwrap() error { return e.error }

// maxRedirects is how often commands follow the slots of a cluster.
const maxRedirects = 4

// sendToCluster sends each command to the master of its slot. One that was
// redirected ran nowhere, and is sent to where it belongs.
func (r replicas) sendToCluster(ctx context.Context, c *redis.ClusterClient, cmds []command, todo []int, found doubts) {
	var masters map[string]*redis.Client // by address, once there was a redirect
	for range maxRedirects {
		stops := make(map[stop][]int)
		for _, i := range todo {
			s, err := route(ctx, c, masters, cmds[i])
			if err != nil {
				cmds[i].SetErr(err)
				continue
			}
			cmds[i].SetErr(nil)
			stops[s] = append(stops[s], i)
		}
		var sending sync.WaitGroup
		for s, some := range stops {
			sending.Go(func() { r.sendToServer(ctx, s, cmds, some, found) })
		}
		sending.Wait()
		var redirected []int
		for _, i := range todo {
			err := cmds[i].Err()
			if isRedirect(err) {
				redirected = append(redirected, i)
			} else if err != nil && !fromServer(err) {
				c.ReloadState(ctx) // the node may be gone
			}
		}
		if len(redirected) == 0 || ctx.Err() != nil {
			return
		}
		todo, masters = redirected, mastersOf(ctx, c)
	}
}

// route finds the master of a command's slot: by what the redirect said that it
// was answered with, or else by what the client knows.
func route(ctx context.Context, c *redis.ClusterClient, masters map[string]*redis.Client, cmd command) (stop, error) {
	if err := cmd.Err(); isRedirect(err) {
		words := strings.Fields(err.Error())
		if m := masters[words[len(words)-1]]; m != nil {
			return stop{m, words[0] == "ASK"}, nil
		}
	}
	m, err := c.MasterForKey(ctx, cmd.key(0))
	return stop{client: m}, err
}

// mastersOf asks the cluster, so that the client knows of changes, too.
func mastersOf(ctx context.Context, c *redis.ClusterClient) map[string]*redis.Client {
	masters := make(map[string]*redis.Client)
	var mu sync.Mutex
	_ = c.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters[node.Options().Addr] = node
		return nil
	})
	return masters
}

// isRedirect reports that a node did not run a command, since another one has
// its slot.
func isRedirect(err error) bool {
	return redis.HasErrorPrefix(err, "MOVED") || redis.HasErrorPrefix(err, "ASK")
}
