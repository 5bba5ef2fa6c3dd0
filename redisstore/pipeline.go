package redisstore

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// The pipelines of a driver send the commands of its calls. Concurrent calls
// share them. If few pipelines are under way to its server, a call is sent at
// once. Otherwise it waits until one of them is done, and is then sent with all
// other calls that came meanwhile. No timer delays a call. While a server does
// not answer, each call goes alone, so that dead connections end sooner.
type pipelines struct {
	server   *redis.Client        // if the client is one of a single server
	cluster  *redis.ClusterClient // otherwise
	confirm  confirmation
	separate bool        // calls share no pipelines
	lane     *lane       // of the one server; nil: there is none
	owned    bool        // Open has made the client: Close closes it, and nobody else sees its commands
	plain    bool        // each command goes as it is
	older    bool        // checkpoints are strings
	refused  atomic.Bool // the server refuses transactions

	mu     sync.Mutex
	single node
	nodes  map[string]*node // of a cluster, by address
}

const (
	// maxShared is how many commands a call may send to a server in a shared
	// pipeline. A call with more gets a pipeline of its own.
	maxShared = 3

	// maxSharedArgs is how many arguments each of these commands has at most. A
	// command for many keys takes the server a while.
	maxSharedArgs = 20

	// maxBatch is how many commands a shared pipeline carries at most.
	maxBatch = 128

	// maxFlights is how many shared pipelines are under way to a server at a time:
	// enough to keep the server busy while clients read answers, and few enough
	// that the pipelines become long if there are many callers.
	maxFlights = 4

	// patience is how long a shared pipeline counts as one of maxFlights. A
	// dead connection must not hold up calls that could take another one.
	patience = time.Second

	// maxWait ends a shared pipeline if a call in it has no deadline.
	maxWait = time.Minute

	// maxIdle is how long a connection may be unused before it is tried with a
	// PING. A server closes idle connections. If a write meets a closed
	// connection, nobody knows whether the write has landed.
	maxIdle = time.Second

	// maxSeen is maxIdle of a connection that shows whether the server has closed it. A
	// firewall that forgets a connection shows nothing, and waits for longer.
	maxSeen = 10 * time.Second

	// maxStale is how many connections one call of try tries at most.
	maxStale = 32
)

// A node is a server and the pipelines under way to it. A node that hangs holds
// up no other node.
type node struct {
	reads   line
	changes line     // apart from reads: go-redis sends a pipeline again only if it may send all of it
	silent  bool     // the last pipeline has no answer, or had none for long: nothing is shared
	pools   [2]usage // of single commands, and of pipelines: go-redis keeps a pool for each
}

// usage tells which connections of a pool may be idle. go-redis takes the
// connection that was used last.
type usage struct {
	busy int         // how many are in use
	used []time.Time // used[n] is when n+1 connections were last in use
}

// A line is the shared pipelines to one server.
type line struct {
	waiting []*batch
	flights int       // how many goroutines send them, one after another
	free    int       // how many of these are about to take a batch
	shared  time.Time // when one took a batch of several calls
}

// A flight is one goroutine that sends batches.
type flight struct {
	at   bool // whether it sends a batch now; otherwise it is about to take one
	lost bool // whether another flight has taken its place
}

// A batch is what one pipeline carries.
type batch struct {
	client  *redis.Client // of the one server
	cmds    []*command
	changes bool
	call    context.Context // the first call's
	several bool            // whether it carries several calls
	until   time.Time       // the latest deadline of the calls, or zero
	sent    bool            // whether it is too late to withdraw a command
	done    chan struct{}
	err     error // why nothing was sent
	doubt   error // see reply
}

// A part is those commands of a call that go to one server.
type part struct {
	client *redis.Client
	node   *node
	cmds   []command
	index  []int // of the commands in the call; nil: all
	batch  *batch
}

// send sends the commands of one call: all of them queries, or all changes.
func (p *pipelines) send(ctx context.Context, cmds []command) []reply {
	replies := make([]reply, len(cmds))
	if p.cluster == nil {
		if p.alone(ctx, cmds, replies) {
			return replies
		}
		one := part{client: p.server, node: &p.single, cmds: cmds}
		p.add(ctx, &one)
		p.wait(ctx, &one, replies)
		return replies
	}
	parts := p.parts(ctx, cmds, replies)
	for i := range parts {
		p.add(ctx, &parts[i])
	}
	for i := range parts {
		p.wait(ctx, &parts[i], replies)
	}
	return replies
}

// parts says which commands go to which server of a cluster.
func (p *pipelines) parts(ctx context.Context, cmds []command, replies []reply) []part {
	var parts []part
	byNode := make(map[*node]int, 1)
	for i, c := range cmds {
		master, err := p.cluster.MasterForKey(ctx, c.key())
		if err != nil {
			replies[i].err = notSentError{err}
			continue
		}
		n := p.node(master.Options().Addr)
		at, ok := byNode[n]
		if !ok {
			at = len(parts)
			byNode[n] = at
			parts = append(parts, part{client: master, node: n})
		}
		parts[at].cmds = append(parts[at].cmds, c)
		parts[at].index = append(parts[at].index, i)
	}
	return parts
}

func (p *pipelines) node(addr string) *node {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.nodes[addr]
	if n == nil {
		n = new(node)
		if p.nodes == nil {
			p.nodes = make(map[string]*node)
		}
		p.nodes[addr] = n
	}
	return n
}

// add puts the commands of a part into a batch, and sees to it that it will be
// sent.
func (p *pipelines) add(ctx context.Context, part *part) {
	n := part.node
	l := &n.reads
	if part.cmds[0].once {
		l = &n.changes
	}
	if ctx.Done() == nil && p.cluster == nil && isLarge(part.cmds) { // nothing ends the call before its answer
		part.batch = newBatch(ctx, part)
		p.run(n, part.batch)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	alone := p.separate || n.silent || isLarge(part.cmds)
	if i := len(l.waiting); !alone && i > 0 && len(l.waiting[i-1].cmds)+len(part.cmds) <= maxBatch {
		part.batch = l.waiting[i-1]
		part.batch.take(ctx, part.cmds)
	} else {
		part.batch = newBatch(ctx, part)
		if alone {
			go p.run(n, part.batch)
			return
		}
		l.waiting = append(l.waiting, part.batch)
	}
	p.start(n, l)
}

func newBatch(ctx context.Context, part *part) *batch {
	b := &batch{client: part.client, changes: part.cmds[0].once, done: make(chan struct{})}
	b.take(ctx, part.cmds)
	return b
}

// isLarge reports whether commands would hold up those of other calls.
func isLarge(cmds []command) bool {
	return len(cmds) > maxShared ||
		slices.ContainsFunc(cmds, func(c command) bool { return len(c.Args()) > maxSharedArgs })
}

func (b *batch) take(ctx context.Context, cmds []command) {
	deadline, _ := ctx.Deadline()
	if b.call == nil {
		b.call, b.until = ctx, deadline
	} else {
		b.several = true
		if deadline.IsZero() || b.until.IsZero() {
			b.until = time.Time{}
		} else if deadline.After(b.until) {
			b.until = deadline
		}
	}
	for i := range cmds {
		b.cmds = append(b.cmds, &cmds[i])
	}
}

// wait waits for the answers to part. If none came in time, the commands may
// still be under way, so wait does not read them.
func (p *pipelines) wait(ctx context.Context, part *part, replies []reply) {
	err := p.done(ctx, part)
	for n, c := range part.cmds {
		at := n
		if part.index != nil {
			at = part.index[n]
		}
		if replies[at].err = err; err == nil {
			replies[at].value, replies[at].err = c.Result()
			replies[at].doubt = part.batch.doubt
		}
	}
}

func (p *pipelines) done(ctx context.Context, part *part) error {
	select {
	case <-part.batch.done:
		return part.batch.err
	case <-ctx.Done():
	}
	select {
	case <-part.batch.done:
		return part.batch.err
	default:
	}
	if p.withdraw(part) {
		return notSentError{ctx.Err()}
	}
	return ctx.Err()
}

// withdraw takes the commands of part out of their batch. It reports false if
// the batch had been sent already.
func (p *pipelines) withdraw(part *part) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := part.batch
	if b.sent {
		return false
	}
	first := slices.Index(b.cmds, &part.cmds[0])
	b.cmds = slices.Delete(b.cmds, first, first+len(part.cmds))
	return true
}
