package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

// A command is one command and, once it was sent, its answer.
type command struct {
	*redis.Cmd
	once bool // it may change something, so that go-redis must not send it twice on its own
}

func query(ctx context.Context, args ...any) command {
	return command{redis.NewCmd(ctx, args...), false}
}

func change(ctx context.Context, args ...any) command {
	return command{redis.NewCmd(ctx, args...), true}
}

// NoRetry is what go-redis asks before it sends a command again.
func (c command) NoRetry() bool { return c.once }

// key is the nth of the keys of a command.
func (c command) key(n int) string {
	args := c.Args()
	if args[0] == "eval" || args[0] == "evalsha" {
		return args[3+n].(string) // after the script and the number of its keys
	}
	return args[1+n].(string)
}

// answered reports whether there is an answer, be it an error.
func (c command) answered() bool { return c.Val() != nil || c.Err() != nil }

// answer is redis.Nil where the server answered with nothing.
func (c command) answer() (any, error) {
	v, err := c.Result()
	return v, closed(err)
}

// fromServer reports whether a server has answered with err.
func fromServer(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok
}

// closed makes go-redis' error of a closed client ours too.
func closed(err error) error {
	if errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("%w: %w", driver.ErrClosed, err)
	}
	return err
}

// await runs f, and returns when it does or when ctx ends. A go-redis client
// by default waits for an answer until its read timeout, whatever ctx does.
func await(ctx context.Context, f func() error) error {
	if ctx.Done() == nil {
		return closed(f())
	}
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return overdue(ctx, closed(err))
	case <-ctx.Done():
		return ctx.Err()
	}
}

// overdue adds to a timeout that ctx has ended. Where a client has
// ContextTimeoutEnabled, ctx's deadline is that of the connection, too, and a
// moment later that of ctx itself.
func overdue(ctx context.Context, err error) error {
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() || ctx.Done() == nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); !ok || time.Now().Before(deadline) {
		return err
	}
	<-ctx.Done()
	cause := ctx.Err()
	if errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// send sends the commands of one call. If it returns an error they may still be
// under way, and must not be looked at; otherwise each has an answer.
func (d *Driver) send(ctx context.Context, cmds ...command) error {
	send := d.sendAlone
	if d.combiner.takes(cmds) {
		send = d.combiner.send
	}
	if err := send(ctx, cmds); err != nil {
		return err
	}
	return d.settle(ctx, cmds)
}

// settle sees to it that each command that was sent has an answer.
func (d *Driver) settle(ctx context.Context, cmds []command) error {
	for _, c := range cmds {
		if !c.answered() {
			return d.refused(ctx)
		}
		c.sayWhy(ctx)
		if err := c.Err(); errors.Is(err, net.ErrClosed) && d.closed.Load() {
			c.SetErr(fmt.Errorf("%w: %w", driver.ErrClosed, err))
		}
	}
	return nil
}

// sayWhy puts the cause of ctx's end in place of that end, which go-redis reports.
func (c command) sayWhy(ctx context.Context) {
	if end := ctx.Err(); end != nil && errors.Is(c.Err(), end) {
		c.SetErr(ctx.Err())
	} else if err := c.Err(); err != nil {
		c.SetErr(overdue(ctx, err))
	}
}

// sendAlone sends commands in a pipeline of their own, which a cluster client
// splits by slot.
func (d *Driver) sendAlone(ctx context.Context, cmds []command) error {
	return await(ctx, func() error {
		pipe := d.client.Pipeline()
		for i := range cmds {
			_ = pipe.Process(ctx, &cmds[i]) // only queues
		}
		_, _ = pipe.Exec(ctx) // the first command's error
		return nil
	})
}

// refused is the error of commands that got no answer. Where a server refuses a
// connection with an error of its own (a wrong password, too many clients),
// go-redis leaves the commands of a pipeline as they were, which would look as
// if nothing were stored.
func (d *Driver) refused(ctx context.Context) error {
	err := await(ctx, func() error { return d.client.Ping(ctx).Err() })
	if err == nil {
		return errors.New("redisstore: the connection was refused, and is not any more")
	}
	return fmt.Errorf("redisstore: the connection was refused: %w", err)
}

// inParallel calls f for parts of n items, so many at a time, so that some are
// encoded or read while the server is at others. Its error is that of the first
// part that has one.
func inParallel(n, size, atATime int, f func(from, to int) error) error {
	switch {
	case n == 0:
		return nil
	case n <= size:
		return f(0, n)
	}
	errs := make([]error, (n+size-1)/size)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(len(errs), atATime) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(errs); i = int(next.Add(1)) - 1 {
				errs[i] = f(i*size, min(n, (i+1)*size))
			}
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
