package metrics

import (
	"context"
	"errors"

	"github.com/checkpointstore/checkpoint"
)

// other is what the conventions call an error without a name of its own.
const other = "_OTHER"

// partial says that a batch was answered, and some of it is in error.
const partial = "partial"

// named are the errors with a name, each before those that it wraps.
var named = []struct {
	err  error
	name string
}{
	{checkpoint.ErrNotFound, "not_found"},
	{checkpoint.ErrLeaseHeld, "lease_held"},
	{checkpoint.ErrFenced, "fenced"},
	{checkpoint.ErrCorruptCheckpoint, "corrupt_checkpoint"},
	{checkpoint.ErrCorruptFence, "corrupt_fence"},
	{checkpoint.ErrCorruptLease, "corrupt_lease"},
	{checkpoint.ErrCorruptHistory, "corrupt_history"},
	{checkpoint.ErrCorrupt, "corrupt"},
	{checkpoint.ErrUnsupported, "unsupported"},
	{checkpoint.ErrEpochExhausted, "epoch_exhausted"},
	{checkpoint.ErrInvalidKey, "invalid_key"},
	{checkpoint.ErrClosed, "closed"},
	{context.DeadlineExceeded, "timeout"},
	{context.Canceled, "canceled"},
}

// ErrorType returns the value of the attribute error.type for err: "" for nil, and one
// of few names otherwise.
func ErrorType(err error) string {
	if err == nil {
		return ""
	}
	for _, n := range named {
		if errors.Is(err, n.err) {
			return n.name
		}
	}
	return other
}

// CallError returns the ErrorType of a call, or "" if the engine has answered. That
// nothing is stored is an answer, and that another owner has the lease: a standby hears it
// all the time.
func CallError(c checkpoint.Call, r checkpoint.CallResult) string {
	switch {
	case r.Err == nil && r.Failed == 0:
		return ""
	case r.Err == nil:
		return partial
	case errors.Is(r.Err, checkpoint.ErrNotFound), errors.Is(r.Err, checkpoint.ErrLeaseHeld),
		c.Op == "leaseEnds" && errors.Is(r.Err, checkpoint.ErrUnsupported): // a standby asks at intervals
		return ""
	}
	return ErrorType(r.Err)
}
