package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

// A call is a Call under way, with what only its log record shows.
type call struct {
	Call
	ctx    context.Context // the caller's, as the observer returned it
	writes bool            // whether the method writes one checkpoint, and then:
	write  Write           // what it writes
	start  time.Time
}

// begin returns the context that the driver is given.
func (s *Store) begin(ctx context.Context, c *call) context.Context {
	c.Component = s.component
	c.start = time.Now()
	if s.observer != nil {
		ctx = s.observer.CallStart(ctx, c.Call)
	}
	c.ctx = ctx
	return withoutCause(ctx)
}

// ready says why a call must not reach the engine at all.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return ErrClosed
	}
	return ctx.Err()
}

// wrap makes err the error of c. After the end of its context it names the
// cause, whatever the engine made of that.
func (c *call) wrap(err error) error {
	if err == nil {
		return nil
	}
	if cause := causeOf(c.ctx); err == c.ctx.Err() { //nolint:errorlint // what wraps it says more
		err = cause
	} else if cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return &Error{Op: c.Op, Key: c.Key, Err: err}
}

func (s *Store) end(c *call, r CallResult) {
	ctx := c.ctx
	level := levelOf(r)
	logs := s.logger.Enabled(ctx, level)
	if s.observer == nil && !logs {
		return
	}
	r.Duration = time.Since(c.start)
	if logs {
		s.logger.LogAttrs(ctx, level, messageOf(c, r), c.attrs(r)...)
	}
	if s.observer != nil {
		s.observer.CallEnd(ctx, c.Call, r)
	}
}

func levelOf(r CallResult) slog.Level {
	switch {
	// A lease that is held is what a standby is told many times a second.
	case r.Err == nil && r.Refused == 0, errors.Is(r.Err, ErrNotFound), errors.Is(r.Err, ErrLeaseHeld):
		return slog.LevelDebug
	case r.Err == nil, errors.Is(r.Err, ErrFenced), errors.Is(r.Err, ErrCorrupt):
		return slog.LevelWarn
	}
	return slog.LevelError
}

var messages = map[string]string{
	opGet:        "checkpoint read",
	opSet:        "checkpoint set",
	opSetIfNewer: "checkpoint advanced",
	opDelete:     "checkpoint deleted",
	opExists:     "checkpoint looked up",
	opScan:       "keys scanned",
	opGetAll:     "checkpoints read",
	opClear:      "checkpoints cleared",
	opGetMany:    "checkpoints read",
	opApply:      "batch applied",
	opTouch:      "expiry renewed",
	opRewind:     "checkpoint rewound",
	opAcquire:    "lease acquired",
	opRenew:      "lease renewed",
	opRelease:    "lease released",

	opAcquireMany:   "leases acquired",
	opRenewMany:     "leases renewed",
	opReleaseMany:   "leases released",
	opInspect:       "key inspected",
	opInspectAll:    "keys inspected",
	opFence:         "fence raised",
	opRevoke:        "lease revoked",
	opReleaseFences: "fences released",
}

func messageOf(c *call, r CallResult) string {
	switch {
	case errors.Is(r.Err, ErrNotFound):
		return "checkpoint not found"
	case errors.Is(r.Err, ErrFenced) && c.Op == opRenew:
		return "lease is lost"
	case errors.Is(r.Err, ErrFenced):
		return "fenced write refused"
	case errors.Is(r.Err, ErrLeaseHeld):
		return "lease is held"
	case errors.Is(r.Err, ErrCorruptFence):
		return "damaged fence"
	case errors.Is(r.Err, ErrCorruptLease):
		return "damaged lease"
	case errors.Is(r.Err, ErrCorrupt):
		return "damaged checkpoint"
	case r.Err != nil:
		return "call failed"
	case r.Outcome == Stale:
		return "stale position refused"
	case r.Outcome == Unchanged && c.Op == opSetIfNewer:
		return "checkpoint unchanged"
	}
	return messages[c.Op]
}

func (c *call) attrs(r CallResult) []slog.Attr {
	attrs := make([]slog.Attr, 0, 9)
	attrs = append(attrs, slog.String("component", c.Component), slog.String("method", c.Op))
	if c.Key != "" {
		attrs = append(attrs, slog.String("key", c.Key))
	}
	if c.Pattern != "" {
		attrs = append(attrs, slog.String("pattern", c.Pattern))
	}
	if w := &c.write; c.writes {
		if c.Op != opTouch {
			attrs = append(attrs,
				slog.String("commit", strconv.FormatUint(w.Position.Commit, 10)),
				slog.String("prepare", strconv.FormatUint(w.Position.Prepare, 10)))
		}
		if w.TTL > 0 {
			attrs = append(attrs, slog.Float64("ttlSeconds", w.TTL.Seconds()))
		}
		attrs = append(attrs, slog.Bool("updated", r.Outcome.Landed()))
	} else {
		attrs = append(attrs, slog.Int("count", r.Count))
		if r.Refused > 0 {
			attrs = append(attrs, slog.Int("refused", r.Refused))
		}
	}
	attrs = append(attrs, slog.Duration("duration", r.Duration))
	if r.Err != nil {
		attrs = append(attrs, slog.String("error", r.Err.Error()))
	}
	return attrs
}
