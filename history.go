package checkpoint

import (
	"context"
	"fmt"

	"github.com/checkpointstore/checkpoint/driver"
)

// An AuditEntry tells of one change of a key by hand, or of one change of ownership: what
// was done, when, by whom and why, and the positions and epochs before and after.
type AuditEntry = driver.AuditEntry

// By says who makes the write by hand, and why. The audit entry of the write carries both.
// Set and Rewind leave an entry with or without By. SetIfNewer leaves one only with By. By
// cuts an actor of more than 256 bytes and a reason of more than 512 bytes, and
// puts U+FFFD in place of control characters and of bytes that are not UTF-8.
func By(actor, reason string) WriteOption {
	return WriteOption{kind: byOption, by: &driver.By{Actor: actor, Reason: reason}}
}

// WithBy returns a context that says what [By] says. It holds for Set, Rewind, Delete,
// Clear, Fence, Revoke, Pause and OrderGroup, and for those writes of Apply that are not
// IfNewer. It does not hold for SetIfNewer, which consumers call.
func WithBy(ctx context.Context, actor, reason string) context.Context {
	by := driver.ByOf(ctx)
	by.Actor, by.Reason = actor, reason
	return driver.WithBy(ctx, by)
}

// partOf has the audit entries of a call name the call, in place of its single changes.
func partOf(ctx context.Context, op string) context.Context {
	by := driver.ByOf(ctx)
	if by.Op != "" {
		return ctx
	}
	by.Op = op
	return driver.WithBy(ctx, by)
}

// History returns the last n audit entries of key, the latest first. An n below 1 is an
// error. Set, Rewind, Delete, Clear, Fence and Revoke leave an entry at each key that they
// change. SetIfNewer leaves one only with [By]. Acquire leaves one if it takes the lease
// over from another owner, who had not released it. A restore of an SQLite store leaves
// one at each key that it changes. The engine stores the entry in the same atomic step as
// the change: an entry exists if and only if the change took effect.
//
// The engine keeps the last 256 entries of a key, for 400 days at least. A key may have
// entries though its checkpoint is gone. ReleaseFences forgets them with the fence. If
// the engine keeps no audit entries, the error is [ErrUnsupported].
func (s *Store) History(ctx context.Context, key string, n int) ([]AuditEntry, error) {
	c := call{Call: Call{Op: opHistory, Key: key, Size: 1}}
	ctx = s.begin(ctx, &c)
	entries, err := s.history(ctx, key, n)
	err = c.wrap(err)
	s.end(&c, CallResult{Count: len(entries), Err: err})
	return entries, err
}

func (s *Store) history(ctx context.Context, key string, n int) ([]AuditEntry, error) {
	if err := ValidateKey(key); err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("%d entries were asked for, ask for 1 at least", n)
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	return driver.History(ctx, s.driver, key, n)
}
