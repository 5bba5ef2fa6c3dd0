package redisstore

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// A combiner sends the commands of concurrent calls in common pipelines. While
// few are under way a call is sent at once; else it goes with all others that
// came meanwhile, as soon as one of those pipelines is done. There is no timer.
type combiner struct {
	client redis.UniversalClient
	mu     sync.Mutex
	lines  map[destination]*line // those that have something to do
}

const (
	// maxShared is how many commands of one call go together with those of others.
	maxShared = 3

	// maxSharedArgs is how many arguments each of them has at most. One for many
	// keys takes the server a while.
	maxSharedArgs = 20

	// maxBatch is how many commands of several calls a pipeline carries at most.
	maxBatch = 128

	// maxFlights is how many pipelines to one destination are under way at a time:
	// enough to keep a server busy while the answers of others are read, and few
	// enough that the pipelines become long where there are many callers.
	maxFlights = 4
)

// A destination is what all commands of a pipeline have in common.
type destination struct {
	server  string // the master, in a cluster: one that hangs must not hold up the others
	changes bool   // go-redis sends a pipeline again only if it may send all of it
}

// A line is the pipelines to one destination.
type line struct {
	waiting []*batch
	flights int // how many goroutines send them, one after another
	free    int // how many of those are about to take one
}

// A batch is a pipeline, which calls join until it is sent.
type batch struct {
	ctx  context.Context
	cmds []redis.Cmder
	sent bool
	done chan struct{}
}

// notSentError says why nobody has sent some commands, or will.
type notSentError struct{ error }

func (e notSentError) Unwrap() error { return e.error }

// takes reports whether the commands of one call may go with those of others:
// they are few, and only one server can hold them up.
func (c *combiner) takes(cmds []command) bool {
	if len(cmds) > maxShared {
		return false
	}
	_, cluster := c.client.(*redis.ClusterClient)
	for _, cmd := range cmds {
		if len(cmd.Args()) > maxSharedArgs || cluster && slot(cmd.key(0)) != slot(cmds[0].key(0)) {
			return false
		}
	}
	return true
}

// send sends commands that it [combiner.takes]. About its error see [Driver.send].
func (c *combiner) send(ctx context.Context, cmds []command) error {
	to, err := c.destination(ctx, cmds[0])
	if err != nil {
		return notSentError{err}
	}
	b := c.add(ctx, to, cmds)
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		err := ctx.Err()
		if c.withdraw(b, cmds) {
			err = notSentError{err}
		}
		return err
	}
}

func (c *combiner) destination(ctx context.Context, cmd command) (destination, error) {
	cluster, ok := c.client.(*redis.ClusterClient)
	if !ok {
		return destination{changes: cmd.once}, nil
	}
	var master *redis.Client
	err := await(ctx, func() (err error) {
		master, err = cluster.MasterForKey(ctx, cmd.key(0))
		return err
	})
	if err != nil {
		return destination{}, err
	}
	return destination{master.Options().Addr, cmd.once}, nil
}

// add puts cmds into a batch, and sees to it that it will be sent.
func (c *combiner) add(ctx context.Context, to destination, cmds []command) *batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lines[to]
	if l == nil {
		l = new(line)
		if c.lines == nil {
			c.lines = make(map[destination]*line)
		}
		c.lines[to] = l
	}
	var b *batch
	if n := len(l.waiting); n > 0 && len(l.waiting[n-1].cmds)+len(cmds) <= maxBatch {
		b = l.waiting[n-1]
		b.ctx = context.Background() // else the end of one call would be that of the others
	} else {
		b = &batch{ctx: ctx, done: make(chan struct{})}
		l.waiting = append(l.waiting, b)
	}
	for i := range cmds {
		b.cmds = append(b.cmds, &cmds[i])
	}
	if len(l.waiting) > l.free && l.flights < maxFlights {
		l.flights++
		l.free++
		go c.fly(to, l)
	}
	return b
}

// withdraw takes cmds out of b, and reports whether b had not been sent.
func (c *combiner) withdraw(b *batch, cmds []command) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.sent {
		return false
	}
	first := slices.Index(b.cmds, redis.Cmder(&cmds[0]))
	b.cmds = slices.Delete(b.cmds, first, first+len(cmds))
	return true
}

// fly sends the batches of l one after another until there is none.
func (c *combiner) fly(to destination, l *line) {
	for {
		b := c.next(to, l)
		if b == nil {
			return
		}
		switch len(b.cmds) {
		case 0:
		case 1:
			_ = c.client.Process(b.ctx, b.cmds[0]) // the command's own error
		default:
			pipe := c.client.Pipeline()
			_ = pipe.BatchProcess(b.ctx, b.cmds...) // only queues
			_, _ = pipe.Exec(b.ctx)                 // the first command's error
		}
		c.mu.Lock()
		l.free++
		c.mu.Unlock()
		close(b.done)
		// Whom that woke may call again at once, and go with the next batch.
		runtime.Gosched()
	}
}

// next takes a batch off l. Where there is none, the flight is over.
func (c *combiner) next(to destination, l *line) *batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.free--
	if len(l.waiting) == 0 {
		if l.flights--; l.flights == 0 {
			delete(c.lines, to)
		}
		return nil
	}
	b := l.waiting[0]
	l.waiting = slices.Delete(l.waiting, 0, 1)
	b.sent = true
	return b
}
