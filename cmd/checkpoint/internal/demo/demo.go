// Package demo shows what the store is for, with real processes: consumers of
// an order log that keep their checkpoints and leases in it. One of them has two
// instances. The one at work is killed, the other takes over, and the first
// wakes up and writes old positions. Then it proves, from what took effect
// alone, that no event was skipped.
//
// Run is the supervisor, RunChild what it starts. The files, in the order in
// which things happen: orders and log (what is consumed), alone (one demo at a
// time), supervise and process (who is started and watched), child, consume,
// effects and report (a consumer), takeover (who is killed, and who goes on),
// stale (the instance that wakes up), verify and summary (what came of it).
// Display tells of it meanwhile, and lines is how every file is written.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// Config says how to run the demo.
type Config struct {
	Store string // the URL of the store, which consumers get in CHECKPOINT_STORE
	Open  func(ctx context.Context, url string) (*checkpoint.Store, error)

	Events int    // in the log; at least 100
	Dir    string // for the log and the reports, which are kept; empty: a temporary folder

	Command []string // starts a child process, given its task as one more argument
	Program string   // what a reader types to run this program
	Shown   string   // what they add to use this store, as "--store URL"; empty: nothing is needed

	Stdout io.Writer
	Stderr io.Writer // progress: bars if it is a terminal, else plain lines
}

// A run is one run of the demo.
type run struct {
	Config
	store    *checkpoint.Store
	dir      string
	log      logSummary
	display  *display
	outcomes []*outcome // one for each of the consumers
	elapsed  time.Duration
}

// Run runs the demo. It fails if an event was skipped or anything else that it
// shows turned out not to hold. It leaves no process behind, and no file but
// those in Dir and the store's own.
func Run(ctx context.Context, c Config) error {
	r := &run{Config: c}
	return r.run(ctx)
}

func (r *run) run(ctx context.Context) (err error) {
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
	r.display.say("Comparing what took effect with the log.")
	failures, err := r.verify(ctx)
	if err != nil {
		return err
	}
	r.summarize(failures)
	return failed(failures)
}

// failed makes one error of what was found not to hold.
func failed(failures []string) error {
	switch len(failures) {
	case 0:
		return nil
	case 1:
		return errors.New(failures[0])
	}
	return fmt.Errorf("%s (and %d more)", failures[0], len(failures)-1)
}

// makeDir makes the folder of the log and of what consumers write, without the
// files of an earlier run.
func (r *run) makeDir() (err error) {
	if r.Dir == "" {
		r.dir, err = os.MkdirTemp("", "checkpoint-demo-")
		return err
	}
	r.dir = r.Dir
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return err
	}
	for _, c := range consumers {
		for _, path := range []string{c.effectsPath(r.dir), c.reportPath(r.dir)} {
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func (r *run) writeLog(ctx context.Context) (err error) {
	r.log, err = writeLog(ctx, logPath(r.dir), r.Events)
	if err != nil {
		return err
	}
	r.display.say("Wrote a log of %s order events (%d MB). Its positions start at 2^60:\n"+
		"  rounded to doubles, only %s of them would differ.", thousands(r.log.Events), r.log.Bytes>>20, thousands(r.log.Doubles))
	return nil
}

// reset sends the consumers' checkpoints, and no others, back to the start of
// the log. A rewind raises the epoch as well: should a consumer of an earlier
// run still live, it cannot write any more.
func (r *run) reset(ctx context.Context) error {
	var keys []string
	for _, c := range consumers {
		if _, err := r.store.Rewind(ctx, c.key, checkpoint.Position{}); err != nil {
			return err
		}
		r.outcomes = append(r.outcomes, &outcome{consumer: c})
		keys = append(keys, c.key)
	}
	r.display.say("Rewound %s to the start.\n"+
		"  A consumer of an earlier run, should one still live, is fenced out.", strings.Join(keys, ", "))
	return nil
}
