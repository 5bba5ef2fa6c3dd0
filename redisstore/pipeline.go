package redisstore

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// The pipelines of a driver send the commands of its calls. Concurrent calls
// share them: a call is sent at once while few pipelines are under way to its
// server, and otherwise with all others that came meanwhile, as soon as one of
// these is done. There is no timer before sending. While a server gives no answer
// each call goes alone, so that connections that lead nowhere end sooner.
type pipelines struct {
	server  *redis.Client        // if the client is one of a single server
	cluster *redis.ClusterClient // otherwise
	confirm confirmation
	alone   bool // calls share nothing

	mu    sync.Mutex
	nodes map[string]*node // by address; a single server's is ""
}

const (
	// maxShared is how many commands of one call go to a server together with
	// those of others.
	maxShared = 3

	// maxSharedArgs is how many arguments each of them has at most. One for many
	// keys takes the server a while.
	maxSharedArgs = 20

	// maxBatch is how many commands of several calls a pipeline carries at most.
	maxBatch = 128

	// maxFlights is how many shared pipelines are under way to a server at a time:
	// enough to keep it busy while the answers of others are read, and few enough
	// that the pipelines become long if there are many callers.
	maxFlights = 4

	// patience is how long a shared pipeline counts as one of maxFlights. A
	// connection that leads nowhere must not hold up the calls that could take
	// another one.
	patience = time.Second

	// maxWait ends a shared pipeline if a call in it has no deadline.
	maxWait = time.Minute

	// maxIdle is how long a connection may be unused before it is tried: a server
	// closes idle ones, and a write that meets the end of one may have landed.
	maxIdle = time.Second

	// maxStale is how many closed connections are tried and thrown away.
	maxStale = 32
)

// A node is a server, and what is under way to it. One that hangs holds up no
// other.
type node struct {
	reads   line
	changes line     // apart from reads: go-redis sends a pipeline again only if it may send all of it
	silent  bool     // no answer came to the last pipeline, or has not for long: nothing is shared
	pools   [2]usage // of single commands, and of pipelines: go-redis keeps a pool for each
}

// usage tells which connections of a pool may be idle. go-redis takes the one that
// was used last.
type usage struct {
	busy int         // how many are in use
	used []time.Time // when so many plus one were last in use
}

// A line is the shared pipelines to one server.
type line struct {
	waiting []*batch
	flights int // how many goroutines send them, one after another
	free    int // how many of these are about to take one
}

// A flight is one goroutine that sends batches.
type flight struct {
	at   bool // a batch, else about to take one
	lost bool // others fly in its place
}

// A batch is what one pipeline carries.
type batch struct {
	client  *redis.Client // of the one server
	cmds    []redis.Cmder
	changes bool
	calls   []context.Context
	sent    bool // so that no command may be withdrawn any more
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
	parts := p.parts(ctx, cmds, replies)
	for i := range parts {
		parts[i].batch = p.add(ctx, &parts[i])
	}
	for i := range parts {
		err := p.wait(ctx, &parts[i])
		for n, c := range parts[i].cmds {
			at := n
			if parts[i].index != nil {
				at = parts[i].index[n]
			}
			if err != nil {
				replies[at].err = err // the command may still be under way
				continue
			}
			replies[at].value, replies[at].err = c.Result()
			replies[at].doubt = parts[i].batch.doubt
		}
	}
	return replies
}

// parts says which commands go to which server.
func (p *pipelines) parts(ctx context.Context, cmds []command, replies []reply) []part {
	if p.cluster == nil {
		return []part{{client: p.server, node: p.node(""), cmds: cmds}}
	}
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
func (p *pipelines) add(ctx context.Context, part *part) *batch {
	n := part.node
	b := &batch{client: part.client, changes: part.cmds[0].once, done: make(chan struct{})}
	l := &n.reads
	if b.changes {
		l = &n.changes
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.alone || n.silent || isLarge(part.cmds) {
		b.take(ctx, part.cmds)
		go p.run(n, b)
		return b
	}
	if i := len(l.waiting); i > 0 && len(l.waiting[i-1].cmds)+len(part.cmds) <= maxBatch {
		b = l.waiting[i-1]
	} else {
		l.waiting = append(l.waiting, b)
	}
	b.take(ctx, part.cmds)
	p.start(n, l)
	return b
}

// isLarge reports that commands would hold up those of other calls.
func isLarge(cmds []command) bool {
	return len(cmds) > maxShared ||
		slices.ContainsFunc(cmds, func(c command) bool { return len(c.Args()) > maxSharedArgs })
}

func (b *batch) take(ctx context.Context, cmds []command) {
	b.calls = append(b.calls, ctx)
	for i := range cmds {
		b.cmds = append(b.cmds, &cmds[i])
	}
}

// wait returns when part has its answers, or with the error of a part that has
// none, whose commands may then still be under way.
func (p *pipelines) wait(ctx context.Context, part *part) error {
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

// withdraw takes the commands of part out of their batch, and reports whether it
// had not been sent.
func (p *pipelines) withdraw(part *part) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := part.batch
	if b.sent {
		return false
	}
	first := slices.Index(b.cmds, redis.Cmder(&part.cmds[0]))
	b.cmds = slices.Delete(b.cmds, first, first+len(part.cmds))
	return true
}
