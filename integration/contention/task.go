package contention

import (
	"context"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A task is what an instance is started to do.
type task struct {
	Store        string // for engines.Open
	Key          string
	Owner        string
	File         string // for its records
	TTL          time.Duration
	Timeout      time.Duration // of one call of Redis
	FlushTimeout time.Duration
	Workers      int
	Work         time.Duration // the most that a handler takes
	Sabotage     string        // the name of one of the saboteurs, or ""
}

func (t *task) options() *subscription.Options {
	return &subscription.Options{
		Missing:      subscription.FromStart,
		FlushEvery:   20,
		FlushAfter:   10 * time.Millisecond,
		FlushTimeout: t.FlushTimeout,
		MaxInFlight:  16 * t.Workers,
		Lease:        &subscription.Lease{Owner: t.Owner, TTL: t.TTL, Wait: true},
	}
}

// failures records each failure to store the checkpoint.
type failures struct{ records *recorder }

func (f failures) CallEnd(_ context.Context, call checkpoint.Call, result checkpoint.CallResult) {
	if call.Op == "setIfNewer" && result.Err != nil {
		_ = f.records.add(record{What: failing, Why: result.Err.Error()}) // it is only a hint for the supervisor
	}
}
