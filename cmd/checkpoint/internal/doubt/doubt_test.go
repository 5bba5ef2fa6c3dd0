package doubt_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doubt"
)

type redisError string

func (e redisError) Error() string { return string(e) }

func (e redisError) RedisError() {}

type stateError string

func (e stateError) Error() string { return "state " + string(e) }

func (e stateError) SQLState() string { return string(e) }

type severeError struct {
	severity string
	stateError
}

func (e severeError) Error() string { return e.severity + ": " + e.stateError.Error() }

type codeError int

func (e codeError) Error() string { return fmt.Sprintf("code %d", int(e)) }

func (e codeError) Code() int { return int(e) }

func TestMayBeMade(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{io.EOF, true},
		{context.DeadlineExceeded, true},
		{&net.OpError{Op: "read", Err: errors.New("i/o timeout")}, true},
		{refused, false},
		{fmt.Errorf("%w: %w", context.DeadlineExceeded, refused), false},
		{fmt.Errorf("the master has the change, but nobody knows whether 1 replicas have it: %w", refused), true},
		{&checkpoint.Error{Op: "set", Err: checkpoint.ErrFenced}, false},
		{checkpoint.ErrCorruptFence, false},
		{checkpoint.ErrNotFound, false},
		{checkpoint.ErrClosed, true},
		{redisError("READONLY You can't write against a read only replica."), false},
		{redisError("NOPERM this user has no permissions"), false},
		{redisError("NOPERM this user has no permissions script: 12"), true},
		{redisError("UNBLOCKED force unblock"), true},
		{fmt.Errorf("the master has the change, but nobody knows whether the disk has it: %w", redisError("NOPERM wait")), true},
		{stateError("42501"), false},
		{stateError("40003"), true},
		{stateError("57P01"), true},
		{stateError("08006"), true},
		{severeError{"ERROR", "53100"}, false},
		{severeError{"PANIC", "53100"}, true},
		{severeError{"FATAL", "53300"}, false},
		{severeError{"FATAL", "25P04"}, true},
		{codeError(5), false},
		{codeError(19 | 7<<8), false},
		{codeError(10 | 4<<8), true},
		{codeError(13), true},
	} {
		if got := doubt.MayBeMade(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
