// Package demo shows what the store is for, with real processes: two consumers
// of an order log that keep their positions in it. One does as most people do:
// it stores the position that it has read by a Set that nothing refuses. The other
// has a subscription with a lease. The demo does the same to both: it kills the
// instance at work, another one goes on, and the first wakes up and writes an old
// position. After them come four instances of a third consumer, which share the
// partitions of a log out: one is killed, and another one is added. Then the demo
// counts, from the effects alone, how many events each consumer skipped and repeated.
//
// Run is the supervisor, RunChild what it starts. The files, in the order in
// which things happen: orders and log (what is consumed), alone (one demo at a
// time), supervise and process (who is started and watched), child, consume,
// plain and effects (the consumers), takeover (who is killed, and who goes on),
// stale (the instance that wakes up), fleet and share (the instances that share the
// partitions out), verify and summary (what came of it).
// Display tells of it meanwhile, and lines is how every file is written.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/checkpointstore/checkpoint"
)

// Config says how to run the demo.
type Config struct {
	Store string // the URL of the store, which consumers get in CHECKPOINT_STORE
	Open  func(ctx context.Context, url string) (*checkpoint.Store, error)

	Events int    // in the log; at least 100
	Dir    string // for the log and the effects, which are kept; empty: a temporary folder

	Command []string // starts a child process, given its task as one more argument
	Program string   // what a reader types to run this program
	Shown   string   // what they add to use this store, as "--store URL"; empty: nothing is needed

	Stdout io.Writer
	Stderr io.Writer // what happens, as it does
}

// A run is one run of the demo.
type run struct {
	Config
	store   *checkpoint.Store
	dir     string
	log     logSummary
	display *display

	plain, ours outcome
	fleet       fleet
}

func (r *run) both() []*outcome { return []*outcome{&r.plain, &r.ours} }

// Run runs the demo. It fails if checkpoint skipped an event, or if anything else that
// the demo claims of it does not hold. It leaves no process behind, and no files except
// those in Dir and the store's own.
func Run(ctx context.Context, c Config) error {
	r := &run{Config: c}
	return r.run(ctx)
}

func (r *run) run(ctx context.Context) (err error) {
	r.plain.consumer, r.ours.consumer, r.fleet.consumer = plain, ours, many
	if r.store, err = r.Open(ctx, r.Store); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.store.Close()) }()
	ctx, leave, err := r.alone(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	if err := r.makeDir(); err != nil {
		return err
	}
	if r.Dir == "" {
		defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	}
	r.display = newDisplay(r.Stderr)
	if err := r.writeLog(ctx); err != nil {
		return err
	}
	if err := r.reset(ctx); err != nil {
		return err
	}
	if err := r.supervise(ctx); err != nil {
		return err
	}
	if err := r.runFleet(ctx); err != nil {
		return err
	}
	r.display.say("Comparing what took effect with the log, event by event.")
	failures, err := r.verify(ctx)
	if err != nil {
		return err
	}
	r.summarize(failures)
	return failed(failures)
}

// failed makes one error of the claims that do not hold.
func failed(failures []string) error {
	switch len(failures) {
	case 0:
		return nil
	case 1:
		return errors.New(failures[0])
	}
	return fmt.Errorf("%s (and %d more)", failures[0], len(failures)-1)
}

// makeDir makes the folder for the log and the effects. It removes the effects of an
// earlier run.
func (r *run) makeDir() (err error) {
	if r.Dir == "" {
		r.dir, err = os.MkdirTemp("", "checkpoint-demo-")
		return err
	}
	r.dir = r.Dir
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return err
	}
	for _, c := range []consumer{plain, ours, many} {
		paths, err := c.effectsPaths(r.dir)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) writeLog(ctx context.Context) (err error) {
	r.display.say("Writing a log of %s order events. Two consumers count the pieces sold:\n"+
		"  %s keeps its position by a plain SET of what it has read, as most do\n"+
		"  %s keeps its position by checkpoint: what is done, under a lease",
		thousands(r.Events), plain.key, ours.key)
	r.log, err = writeLog(ctx, logPath(r.dir), r.Events)
	return err
}

// reset sends the consumers' checkpoints, and no others, back to the start of
// the log. A rewind also raises the epoch: if our consumer of an earlier run still
// lives, it cannot write any more.
func (r *run) reset(ctx context.Context) error {
	for _, key := range append(many.keys(), plain.key, ours.key) {
		if _, err := r.store.Rewind(ctx, key, checkpoint.Position{}); err != nil {
			return err
		}
	}
	return nil
}
