// Command bench measures each engine beside its own limit, taken in the same
// run, and prints both as Markdown. It is what `make bench` runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
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
	each time.Duration // per measurement
	keys int           // that the memory of Redis is measured with
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	names := flags.String("engines", "memory,sqlite,redis", "which `engines` to measure")
	each := flags.Duration("time", time.Second, "how long each measurement takes")
	short := flags.Bool("short", false, "a tenth of the time and of the keys: it shows that everything runs, and little else")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected arguments %q", flags.Args())
	}
	set := settings{each: *each, keys: 100_000}
	if *short {
		set = settings{each: *each / 10, keys: 10_000}
	}
	if set.each <= 0 {
		return fmt.Errorf("-time %v is no time to measure in", *each)
	}
	engines, err := choose(*names)
	if err != nil {
		return err
	}
	h := &host{}
	defer func() { err = errors.Join(err, h.cleanup()) }()
	if h.dir, err = os.MkdirTemp("", "checkpoint-bench-"); err != nil {
		return err
	}
	return measureAll(ctx, h, engines, set, stdout, stderr)
}

func measureAll(ctx context.Context, h *host, engines []engine, set settings, stdout, stderr io.Writer) error {
	fmt.Fprintf(stdout, "%s\n", describeMachine(ctx, h.dir))
	var failed []error
	for _, e := range engines {
		fmt.Fprintf(stderr, "measuring %s\n", e.name)
		fmt.Fprintf(stdout, "\n## %s\n\n%s\n\n", e.title, e.durability)
		if err := h.guard(func() error { return e.measure(ctx, h, set, stdout) }); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", e.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}

func choose(names string) ([]engine, error) {
	var chosen []engine
	for name := range strings.SplitSeq(names, ",") {
		found := false
		for _, e := range engines {
			if e.name == strings.TrimSpace(name) {
				chosen, found = append(chosen, e), true
			}
		}
		if !found {
			return nil, fmt.Errorf("-engines %s: there is no engine %q", names, name)
		}
	}
	return chosen, nil
}
