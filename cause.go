package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// A causeless context is the caller's context without the cause of its end. The cause
// is often the error of another call, for instance in an errgroup. A driver could take
// this error for its own, and so learn something wrong about a key or a connection. So
// the driver does not see the cause. The Store adds the cause to the call's error.
type causeless struct{ context.Context }

// Value hides the cause of the end, as WithoutCancel does.
func (c causeless) Value(key any) any { return context.WithoutCancel(c.Context).Value(key) }

// AfterFunc saves a goroutine for each context that is derived from this one.
func (c causeless) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(c.Context, f) }

func withoutCause(ctx context.Context) context.Context {
	if ctx.Done() == nil {
		return ctx
	}
	return causeless{ctx}
}

// causeOf returns why ctx has ended. If the cause is the answer of another call, the
// error shows its text and does not wrap it: it must not pass for an answer of this
// call.
func causeOf(ctx context.Context) error {
	cause := context.Cause(ctx)
	if isAnswer(cause) {
		return fmt.Errorf("%w: %v", ctx.Err(), cause) //nolint:errorlint // see above
	}
	return cause
}

// answers are all errors of this package and of its drivers. Each of them is about the
// key, or the Store, of one call.
var answers = []error{
	ErrNotFound, ErrFenced, ErrLeaseHeld, ErrUnsupported, ErrCorrupt, ErrInvalidKey, ErrInvalidPosition, ErrClosed,
	ErrEpochExhausted,
}

func isAnswer(err error) bool {
	return err != nil && slices.ContainsFunc(answers, func(answer error) bool { return errors.Is(err, answer) })
}
