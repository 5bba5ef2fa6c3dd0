package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// A task is what a child process is started to do. It is the child's one
// argument, as JSON. The store's URL, which may hold a password, goes by the
// environment instead.
type task struct {
	Key       string        `json:"key"`
	Owner     string        `json:"owner"`              // of the lease
	LeaseTTL  time.Duration `json:"leaseTTL,omitempty"` // zero: as long as is usual
	HoldAt    uint64        `json:"holdAt,omitempty"`   // see consume
	Dir       string        `json:"dir"`
	Temporary bool          `json:"temporary"`       // the folder goes when the demo does
	Stale     *staleTask    `json:"stale,omitempty"` // to be a stale instance instead of a consumer
}

// errOrphaned ends a child whose supervisor is gone.
var errOrphaned = errors.New("the demo that started this process is gone")

// RunChild is the child process: a consumer, or a stale instance of one. It
// makes one report on stdout, as JSON: a consumer when it has the lease, a stale
// instance when it is through. When stdin ends it stops.
func RunChild(ctx context.Context, store *checkpoint.Store, taskJSON string, stdin io.Reader, stdout io.Writer) error {
	var t task
	if err := json.Unmarshal([]byte(taskJSON), &t); err != nil {
		return fmt.Errorf("the task of a child process: %w", err)
	}
	// A terminal sends Ctrl-C to every process. It is the supervisor's to say
	// what happens then.
	signal.Ignore(os.Interrupt)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		cancel(errOrphaned)
	}()

	play := consume
	if t.Stale != nil {
		play = beStale
	}
	err := play(ctx, store, t, json.NewEncoder(stdout))
	if errors.Is(context.Cause(ctx), errOrphaned) && t.Temporary {
		return errors.Join(err, os.RemoveAll(t.Dir))
	}
	return err
}
