package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/checkpointstore/checkpoint"
)

// A task is what a child process is started to do. It is the child's one
// argument, as JSON. The store's URL, which may hold a password, goes by the
// environment instead.
type task struct {
	Key       string              `json:"key"`
	Plain     bool                `json:"plain"`
	Owner     string              `json:"owner"`         // the name of the instance
	Hold      checkpoint.Position `json:"hold,omitzero"` // see handle
	Dir       string              `json:"dir"`
	Temporary bool                `json:"temporary"`       // the folder goes when the demo does
	Stale     *staleTask          `json:"stale,omitempty"` // to be a stale instance
	Shared    bool                `json:"shared,omitzero"` // to be one of a fleet
}

// play returns the part that the task gives to its process.
func (t task) play() func(context.Context, *checkpoint.Store, task, *json.Encoder) error {
	switch {
	case t.Stale != nil && t.Plain:
		return beStalePlain
	case t.Stale != nil:
		return beStale
	case t.Plain:
		return consumePlain
	case t.Shared:
		return share
	}
	return consume
}

// errOrphaned ends a child whose supervisor is gone.
var errOrphaned = errors.New("the demo that started this process is gone")

// errAskedToEnd ends a child in good order.
var errAskedToEnd = errors.New("the demo asks this process to end")

// RunChild is the child process: an instance of a consumer, perhaps a stale one. It makes
// one report on stdout, as JSON. A stale instance reports after it has written, one of a
// fleet never, any other when it begins to work. RunChild stops when stdin ends, and also
// when stdin has a byte.
func RunChild(ctx context.Context, store *checkpoint.Store, taskJSON string, stdin io.Reader, stdout io.Writer) error {
	var t task
	if err := json.Unmarshal([]byte(taskJSON), &t); err != nil {
		return fmt.Errorf("the task of a child process: %w", err)
	}
	// A terminal sends Ctrl-C to every process. The supervisor decides what happens
	// then.
	signal.Ignore(os.Interrupt)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if n, _ := io.ReadFull(stdin, make([]byte, 1)); n > 0 {
			cancel(errAskedToEnd)
		}
		cancel(errOrphaned)
	}()

	err := t.play()(ctx, store, t, json.NewEncoder(stdout))
	if errors.Is(context.Cause(ctx), errOrphaned) && t.Temporary {
		return errors.Join(err, os.RemoveAll(t.Dir))
	}
	return err
}
