package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A call is a Call under way.
type call struct {
	Call
	ctx   context.Context // the caller's, as the observers returned it
	start time.Time
}

// begin starts c, and returns the context for the driver.
func (s *Store) begin(ctx context.Context, c *call) context.Context {
	c.Engine = s.engine
	if len(s.enders) > 0 {
		c.began()
	}
	for _, o := range s.starters {
		ctx = o.CallStart(ctx, c.Call)
	}
	c.ctx = ctx
	return withoutCause(ctx)
}

// began returns when c began, or the time now if nobody has asked before: many calls need
// no clock, and reading it takes a fifth of the time of a call.
func (c *call) began() time.Time {
	if c.start.IsZero() {
		c.start = time.Now()
	}
	return c.start
}

func (s *Store) end(c *call, r CallResult) {
	if len(s.enders) == 0 {
		return
	}
	r.Duration = time.Since(c.start)
	for _, o := range s.enders {
		o.CallEnd(c.ctx, c.Call, r)
	}
}

// ready returns why a call must not reach the engine at all, or nil.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return ErrClosed
	}
	return ctx.Err()
}

// wrap makes err the error of c. If the context of c has ended, the error names the
// cause of the end, whatever error the engine returned.
func (c *call) wrap(err error) error { return c.wrapFor(c.Key, err) }

// wrapFor is wrap for one key of a batch.
func (c *call) wrapFor(key string, err error) error {
	if err == nil {
		return nil
	}
	ended := c.ctx.Err()                                       // before its cause, which is nil until it has ended
	if cause := causeOf(c.ctx); ended != nil && err == ended { //nolint:errorlint // what wraps it says more
		err = cause
	} else if cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return &Error{Op: c.Op, Key: key, Err: err}
}
