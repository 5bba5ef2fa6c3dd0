package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/keeper"
)

// supervisorKey has a lease, and never a checkpoint.
const supervisorKey = "demo/supervisor"

// aloneTTL is how long a demo that was killed keeps the next one waiting.
const aloneTTL = 10 * time.Second

// alone makes this the only demo on the store: two demos would rewind each other's
// consumers. The context that it returns ends if the lease is lost.
func (r *run) alone(ctx context.Context) (_ context.Context, leave func() error, err error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, nil, err
	}
	asked := time.Now()
	lease, err := r.store.Acquire(ctx, supervisorKey, fmt.Sprintf("process %d on %s", os.Getpid(), host), aloneTTL)
	if held := new(checkpoint.LeaseHeldError); errors.As(err, &held) {
		return nil, nil, fmt.Errorf("another demo is at work on this store (%s); if it was killed, try again after %s",
			held.Owner, held.ExpiresAt.Local().Format(time.TimeOnly))
	}
	if err != nil {
		return nil, nil, err
	}
	kept, err := keeper.New(r.store).Add(lease, asked)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(kept.Context(), func() { cancel(context.Cause(kept.Context())) })
	return ctx, func() error {
		stop()
		lost := context.Cause(kept.Context())
		cancel(nil)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), aloneTTL)
		defer cancel()
		return errors.Join(lost, kept.Remove(ctx), r.store.Release(ctx, lease))
	}, nil
}
