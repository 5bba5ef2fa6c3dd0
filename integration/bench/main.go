// Command bench measures each engine beside its limit and its rivals, taken in
// the same run, and makes the report of it: Markdown with charts. It is what
// `make bench` runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := servePingsIfAsked(ctx)
	if errors.Is(err, errNotAsked) {
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	each   time.Duration // per measurement
	rounds int           // of measurements that are compared with each other
	keys   int           // in the largest store
	short  bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	names := flags.String("parts", allParts(), "which `parts` of the report to make")
	out := flags.String("out", "", "the `folder` to write performance.md and its charts to; none: Markdown goes to standard output")
	each := flags.Duration("time", 500*time.Millisecond, "how long each measurement takes")
	keys := flags.Int("keys", 1_000_000, "how many checkpoints the largest store has")
	short := flags.Bool("short", false, "one round, each benchmark once, and a hundredth of the keys: it shows that everything runs, and nothing else")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected arguments %q", flags.Args())
	}
	set := settings{each: *each, rounds: 3, keys: *keys, short: *short}
	if *short {
		set = settings{each: *each / 50, rounds: 1, keys: *keys / 100, short: true}
	}
	if set.each <= 0 {
		return fmt.Errorf("-time %v is no time to measure in", *each)
	}
	if set.keys < 1000 {
		return fmt.Errorf("%d keys are too few: the smallest store has a thousandth", set.keys)
	}
	chosen, err := choose(*names)
	if err != nil {
		return err
	}
	if *out != "" && len(chosen) < len(parts) {
		return errors.New("-out needs all parts: what is published comes from one run")
	}
	if *out != "" { // before all the measuring, not after
		if err := os.MkdirAll(*out, 0o755); err != nil {
			return err
		}
	}
	h := &host{built: make(map[string]*benchmarks)}
	defer func() { err = errors.Join(err, h.cleanup()) }()
	if h.dir, err = os.MkdirTemp("", "checkpoint-bench-"); err != nil {
		return err
	}
	r := newReport(set, stderr)
	if err := measureAll(ctx, h, chosen, r); err != nil {
		return err
	}
	if *out == "" {
		return r.markdown(stdout)
	}
	return r.write(*out)
}

func measureAll(ctx context.Context, h *host, chosen []part, r *report) error {
	machine, err := describeMachine(ctx, h.dir)
	if err != nil {
		return err
	}
	r.table("machine", machine)
	var failed []error
	for _, p := range chosen {
		r.progress(p.name)
		r.made[p.name] = true
		err := h.guard(func() error { return p.measure(ctx, h, r) })
		if err := errors.Join(err, r.takeErr()); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}
