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
	Key       string     `json:"key"`
	Dir       string     `json:"dir"`
	Temporary bool       `json:"temporary"` // the folder goes when the demo does
	Every     int        `json:"every"`     // events from checkpoint to checkpoint
	Epoch     uint64     `json:"epoch,string"`
	Stale     *staleTask `json:"stale,omitempty"` // to be a stale instance instead of a consumer
}

// errOrphaned ends a child whose supervisor is gone.
var errOrphaned = errors.New("the demo that started this process is gone")

// RunChild is the child process: a consumer, or a stale instance of one. It
// reports on stdout, one JSON value a line, and reads an answer to each report
// from stdin. When stdin ends it stops.
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
	report := newReporter(stdin, stdout, func() { cancel(errOrphaned) })

	var err error
	if t.Stale != nil {
		err = beStale(ctx, store, t, report)
	} else {
		err = consume(ctx, store, t, report)
	}
	if errors.Is(context.Cause(ctx), errOrphaned) && t.Temporary {
		return errors.Join(err, os.RemoveAll(t.Dir))
	}
	return err
}

// A progress is a consumer's report.
type progress struct {
	Events      int                 `json:"events"`      // whose effects are durable
	Checkpoints int                 `json:"checkpoints"` // that this process has written
	Checkpoint  checkpoint.Position `json:"checkpoint"`  // the last of them
}

// A reporter tells the supervisor how far its process got, and waits for the
// answer. Without it the process does not go on, so that the supervisor can
// kill it where it stands: after the work, before the checkpoint.
type reporter struct {
	out     *json.Encoder
	answers chan struct{}
	last    progress
}

func newReporter(stdin io.Reader, stdout io.Writer, orphaned func()) *reporter {
	r := &reporter{out: json.NewEncoder(stdout), answers: make(chan struct{}, 1)}
	go func() {
		answer := make([]byte, 1)
		for {
			if _, err := io.ReadFull(stdin, answer); err != nil {
				orphaned()
				return
			}
			r.answers <- struct{}{}
		}
	}()
	return r
}

func (r *reporter) committed(p checkpoint.Position) {
	r.last.Checkpoint = p
	r.last.Checkpoints++
}

func (r *reporter) progress(ctx context.Context, events int) error {
	r.last.Events = events
	return r.send(ctx, r.last)
}

func (r *reporter) send(ctx context.Context, report any) error {
	if err := r.out.Encode(report); err != nil {
		return err
	}
	select {
	case <-r.answers:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
