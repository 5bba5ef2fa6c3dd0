package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// A causeless context is the caller's without the cause of its end. The Store
// adds the cause to a call's error. The cause is often the error of another call,
// as an errgroup makes it: a driver could take what that error says of a key, or
// of a connection, for this call's own.
type causeless struct{ context.Context }

// Value finds no more of why the context ended than WithoutCancel does.
func (c causeless) Value(key any) any { return context.WithoutCancel(c.Context).Value(key) }

// AfterFunc saves those who derive a context from this one a goroutine.
func (c causeless) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(c.Context, f) }

func withoutCause(ctx context.Context) context.Context {
	if ctx.Done() == nil {
		return ctx
	}
	return causeless{ctx}
}

// causeOf is why ctx has ended. An answer of another call is told and not
// wrapped: it must not pass for one of this call.
func causeOf(ctx context.Context) error {
	cause := context.Cause(ctx)
	if isAnswer(cause) {
		return fmt.Errorf("%w: %v", ctx.Err(), cause) //nolint:errorlint // see above
	}
	return cause
}

// answers are all errors of this package and of its drivers: what they say is
// about the key, or the Store, of one call.
var answers = []error{
	ErrNotFound, ErrFenced, ErrLeaseHeld, ErrUnsupported, ErrCorrupt, ErrInvalidKey, ErrInvalidPosition, ErrClosed,
	ErrEpochExhausted,
}

func isAnswer(err error) bool {
	return err != nil && slices.ContainsFunc(answers, func(answer error) bool { return errors.Is(err, answer) })
}
