package checkpoint

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
)

// logging is the observer that Options.Logger stands for.
type logging struct{ logger *slog.Logger }

func (l logging) CallEnd(ctx context.Context, c Call, r CallResult) {
	if level := levelOf(ctx, c, r); l.logger.Enabled(ctx, level) {
		l.logger.LogAttrs(ctx, level, messageOf(ctx, c, r), attrsOf(c, r)...)
	}
}

func levelOf(ctx context.Context, c Call, r CallResult) slog.Level {
	switch {
	// A standby is told many times a second that the lease is held.
	case r.Err == nil && r.Refused+r.Failed == 0, errors.Is(r.Err, ErrNotFound), errors.Is(r.Err, ErrLeaseHeld),
		c.Op == opLeaseEnds, // the waiter asks from time to time in any case
		canceled(ctx, r):
		return slog.LevelDebug
	case r.Err == nil && r.Failed == 0, errors.Is(r.Err, ErrFenced), isDamage(r.Err):
		return slog.LevelWarn
	}
	return slog.LevelError
}

// isDamage reports whether err is damage, and for a batch, whether the error of each key
// is: damage must not hide that the engine failed.
func isDamage(err error) bool {
	if batch, ok := errors.AsType[interface {
		error
		each() []error
	}](err); ok {
		return !slices.ContainsFunc(batch.each(), func(err error) bool { return !errors.Is(err, ErrCorrupt) })
	}
	return errors.Is(err, ErrCorrupt)
}

// canceled reports whether the caller gave up: the end of a page's request, or of a
// subscription, is no fault of the store. A deadline may be one.
func canceled(ctx context.Context, r CallResult) bool {
	return errors.Is(r.Err, context.Canceled) && errors.Is(ctx.Err(), context.Canceled)
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
	opLeaseEnds:  "end of leases awaited",

	opAcquireMany:   "leases acquired",
	opRenewMany:     "leases renewed",
	opReleaseMany:   "leases released",
	opInspect:       "key inspected",
	opInspectAll:    "keys inspected",
	opFence:         "fence raised",
	opRevoke:        "lease revoked",
	opHistory:       "audit entries read",
	opReleaseFences: "fences released",
	opInspectMany:   "keys inspected",
	opSamples:       "samples read",
	opAdopt:         "history adopted",
	opReport:        "status reported",
	opStatuses:      "statuses read",
	opPause:         "key paused",
	opResume:        "key resumed",
	opBeat:          "sign of life given",
	opLeave:         "group left",
	opDeclareGroup:  "group declared",
	opGroup:         "group read",
	opGroups:        "groups read",
	opOrderGroup:    "order given",
	opWithdrawOrder: "order withdrawn",
}

func messageOf(ctx context.Context, c Call, r CallResult) string {
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
	case errors.Is(r.Err, ErrCorruptHistory):
		return "damaged history"
	case isDamage(r.Err):
		return "damaged checkpoint"
	case canceled(ctx, r):
		return "call canceled"
	case r.Err != nil:
		return "call failed"
	case r.Outcome == Stale:
		return "stale position refused"
	case r.Outcome == Unchanged && c.Op == opSetIfNewer:
		return "checkpoint unchanged"
	}
	return messages[c.Op]
}

func attrsOf(c Call, r CallResult) []slog.Attr {
	attrs := make([]slog.Attr, 0, 11)
	attrs = append(attrs, slog.String("method", c.Op))
	if c.Key != "" {
		attrs = append(attrs, slog.String("key", c.Key))
	}
	if c.Pattern != "" {
		attrs = append(attrs, slog.String("pattern", c.Pattern))
	}
	switch w := c.Write; c.Op {
	case opSet, opSetIfNewer, opRewind:
		attrs = append(attrs,
			slog.String("commit", strconv.FormatUint(w.Position.Commit, 10)),
			slog.String("prepare", strconv.FormatUint(w.Position.Prepare, 10)))
		fallthrough
	case opTouch:
		if w.TTL > 0 {
			attrs = append(attrs, slog.Float64("ttlSeconds", w.TTL.Seconds()))
		}
		attrs = append(attrs, slog.Bool("updated", r.Outcome.Landed()))
	default:
		attrs = append(attrs, slog.Int("count", r.Count))
		attrs = appendCount(attrs, "refused", r.Refused)
		attrs = appendCount(attrs, "failed", r.Failed)
		attrs = appendCount(attrs, "unknown", r.Unknown)
	}
	attrs = append(attrs, slog.Duration("duration", r.Duration))
	if r.Err != nil {
		attrs = append(attrs, slog.String("error", r.Err.Error()))
	}
	return attrs
}

func appendCount(attrs []slog.Attr, name string, n int) []slog.Attr {
	if n == 0 {
		return attrs
	}
	return append(attrs, slog.Int(name, n))
}
