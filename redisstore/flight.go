package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// start begins a flight if a batch waits for one and the limit allows another.
func (p *pipelines) start(n *node, l *line) {
	if len(l.waiting) > l.free && l.flights < maxFlights {
		l.flights++
		l.free++
		go p.fly(n, l)
	}
}

// fly sends the batches of l one after another until there is none.
func (p *pipelines) fly(n *node, l *line) {
	f := new(flight)
	overdue := time.AfterFunc(patience, func() { p.lose(n, l, f) })
	defer overdue.Stop()
	for b := p.next(l, f); b != nil; b = p.next(l, f) {
		overdue.Reset(min(patience, b.left()))
		p.run(n, b)
		p.mu.Lock()
		if !f.lost {
			f.at = false
			l.free++
		}
		p.mu.Unlock()
		// The callers that this batch woke may call again at once, and join the next
		// batch.
		runtime.Gosched()
	}
}

// next takes a batch off l. If there is none, or another flight has taken the
// place of f, f is over.
func (p *pipelines) next(l *line, f *flight) *batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.lost {
		return nil
	}
	l.free--
	if len(l.waiting) == 0 {
		l.flights--
		return nil
	}
	f.at = true
	b := l.waiting[0]
	if b.several {
		l.shared = time.Now()
	}
	l.waiting = slices.Delete(l.waiting, 0, 1)
	return b
}

// lose lets another flight take the place of f if f has spent too long on one
// batch.
func (p *pipelines) lose(n *node, l *line, f *flight) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.at && !f.lost {
		f.lost = true
		n.silent = true
		l.flights--
		p.start(n, l)
	}
}

// context returns the context of the call in b. If b has several calls, it
// returns a new context that ends with the latest of their deadlines.
func (b *batch) context() (context.Context, context.CancelFunc) {
	if !b.several {
		return b.call, func() {}
	}
	return context.WithTimeout(context.Background(), b.left())
}

// left is the time until the latest deadline of the calls in b, at most
// maxWait.
func (b *batch) left() time.Duration {
	if b.until.IsZero() {
		return maxWait
	}
	return min(maxWait, time.Until(b.until))
}

// run sends b, unless all of its commands were withdrawn.
func (p *pipelines) run(n *node, b *batch) {
	defer close(b.done)
	ctx, cancel := b.context()
	defer cancel()
	pool, idle := p.begin(n, b)
	defer p.end(n, pool, b)
	if idle {
		b.err = try(ctx, b.client, pool == &n.pools[1])
	}
	if b.err == nil {
		b.err = ctx.Err()
	}
	if b.err != nil {
		b.err = notSentError{b.err}
		return
	}
	p.mu.Lock()
	b.sent = true
	p.mu.Unlock()
	if len(b.cmds) == 0 {
		return
	}
	for s := p.pack(ctx, b.cmds); s != nil; s = s.settle(ctx, p) {
		ship := func() { p.ship(ctx, pool == &n.pools[0], b, s.cmds) }
		if b.changes {
			ship()
		} else {
			insist(ctx, b.client, pool == &n.pools[1], s.cmds, ship)
		}
	}
}

// ship sends cmds, which are what commands of b are packed into. One command may go alone.
func (p *pipelines) ship(ctx context.Context, alone bool, b *batch, cmds []redis.Cmder) {
	switch {
	case b.changes && p.confirm.asked():
		b.doubt = cmp.Or(b.doubt, p.confirm.exec(ctx, b.client, b.cmds[0].key(), cmds))
	case p.cluster != nil:
		exec(ctx, p.cluster, cmds) // follows redirects
	case alone:
		_ = p.server.Process(ctx, cmds[0]) // the command's own error
	default:
		exec(ctx, p.server, cmds)
	}
}

// insist sends queries by send, and once more if they have met a connection that the server had
// closed. An answer of the first time must not pass for one of the second.
func insist(ctx context.Context, client *redis.Client, pipelined bool, cmds []redis.Cmder, send func()) {
	send()
	cutOff := slices.ContainsFunc(cmds, func(c redis.Cmder) bool { return isEnd(c.Err()) })
	if !cutOff || try(ctx, client, pipelined) != nil {
		return
	}
	for _, c := range cmds {
		c.SetErr(nil)
		if c, ok := c.(interface{ SetVal(any) }); ok {
			c.SetVal(nil)
		}
	}
	send()
}

// exec sends cmds through client in one pipeline. Afterwards each has an answer. For a
// command that is sent alone, a cluster client would first ask a random node.
func exec(ctx context.Context, client redis.Cmdable, cmds []redis.Cmder) {
	_, single := client.(*redis.Client)
	pipe := client.Pipeline()
	_ = pipe.BatchProcess(ctx, cmds...) // only queues
	_, err := pipe.Exec(ctx)
	// If a server refuses a connection with an error of its own (a wrong password,
	// too many clients), go-redis leaves the commands without an answer. They
	// would look as if nothing were stored.
	for _, c := range cmds {
		if command, ok := c.(*command); ok && !command.answered() {
			refused := fmt.Errorf("redisstore: the server refused the connection: %w", cmp.Or(err, errNoAnswer))
			if single {
				refused = notSentError{refused}
			}
			c.SetErr(refused)
		}
	}
}

var errNoAnswer = errors.New("it gave no answer")

// begin takes a connection for b from a pool, and reports whether it may have been
// idle.
func (p *pipelines) begin(n *node, b *batch) (pool *usage, idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pool = &n.pools[0]
	if len(b.cmds) > 1 || p.cluster != nil || b.changes && p.confirm.asked() || b.transacts(p) {
		pool = &n.pools[1]
	}
	if pool.busy++; pool.busy > len(pool.used) {
		pool.used = append(pool.used, time.Time{})
	}
	return pool, time.Since(pool.used[pool.busy-1]) > maxIdle
}

// transacts reports whether b is a lone read that goes as a transaction.
func (b *batch) transacts(p *pipelines) bool {
	return len(b.cmds) == 1 && b.cmds[0].script == readScript && p.transacts()
}

func (p *pipelines) end(n *node, pool *usage, b *batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pool.busy--
	pool.used[pool.busy] = time.Now()
	err := b.err
	if err == nil && len(b.cmds) > 0 {
		err = b.cmds[0].Err()
	}
	n.silent = err != nil && !fromServer(err)
}

// try pings a server until a connection answers, or fails for another reason
// than that the server has closed it. go-redis throws closed connections away.
func try(ctx context.Context, client *redis.Client, pipelined bool) error {
	var err error
	for range maxStale {
		ping := change(ctx, "ping")
		if pipelined {
			pipe := client.Pipeline()
			_ = pipe.Process(ctx, ping) // only queues
			_, err = pipe.Exec(ctx)
		} else {
			err = client.Process(ctx, ping)
		}
		if !isEnd(err) {
			break
		}
	}
	if fromServer(err) {
		return nil // the commands will meet the same error themselves
	}
	return err
}

// isEnd reports that the other side has closed a connection.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
