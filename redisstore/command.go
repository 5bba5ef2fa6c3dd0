package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

// A command is one command and, once it was sent, its answer.
type command struct {
	*redis.Cmd
	script *script // if it calls one by its name, and may go in a shipment with others
	once   bool    // it may change something, so go-redis must not send it again on its own
	hasty  bool    // it does not wait until the keys of a slot have moved
	laned  bool    // it is on the lane, which has no other connection to send it by
}

func query(ctx context.Context, args ...any) command {
	return command{Cmd: redis.NewCmd(ctx, args...)}
}

func change(ctx context.Context, args ...any) command {
	return command{Cmd: redis.NewCmd(ctx, args...), once: true}
}

// NoRetry tells go-redis whether it must not send a command again.
func (c command) NoRetry() bool { return c.once || c.laned }

// key is the first key of a command.
func (c command) key() string {
	args := c.Args()
	if args[0] == "eval" || args[0] == "evalsha" {
		return args[3].(string) // after the script and the number of its keys
	}
	return args[1].(string)
}

// answered reports whether there is an answer. An error is one.
func (c command) answered() bool { return c.Val() != nil || c.Err() != nil }

// A reply is the outcome of a command.
type reply struct {
	value any
	err   error // redis.Nil if the server answered with nothing
	doubt error // why replicas, or a disk, may lack what it changed
}

// notSentError says why a command was never sent.
type notSentError struct{ error }

func (e notSentError) Unwrap() error { return e.error }

// fromServer reports whether a server has answered with err.
func fromServer(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok
}

// closed adds driver.ErrClosed to go-redis' error of a closed client.
func closed(err error) error {
	if errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("%w: %w", driver.ErrClosed, err)
	}
	return err
}

// await runs f, and returns when f returns or ctx ends. By default, a go-redis
// client waits for an answer until its read timeout, even if ctx ends before.
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

// overdue adds the error of ctx to a timeout at the deadline of ctx. If a
// client has ContextTimeoutEnabled, its connection has the same deadline, and
// may time out a moment before ctx ends.
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
