// Command bench runs the project's benchmarks in alternating turns, and puts the
// tables made of them into the documentation. It is what `make bench` runs.
//
// What the benchmarks print goes to standard output in Go's own format, which
// benchstat reads, and this program by -from.
package main

import (
	"bytes"
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
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	docs, from string
	rounds     int
	each       time.Duration
	keys       int
}

func parseFlags(args []string, stderr io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.docs, "docs", "", "the `folder` whose pages get the tables; none: nothing is written")
	flags.StringVar(&s.from, "from", "", "a `file` with the output of a former run; it is read, and nothing is measured")
	flags.IntVar(&s.rounds, "rounds", 3, "how often all benchmarks take their turn")
	flags.DurationVar(&s.each, "time", 500*time.Millisecond, "how long each measurement takes")
	flags.IntVar(&s.keys, "keys", 1_000_000, "how many checkpoints a large store has")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	switch {
	case flags.NArg() > 0:
		return s, fmt.Errorf("unexpected arguments %q", flags.Args())
	case s.rounds < 1 || s.each <= 0 || s.keys < 1:
		return s, errors.New("-rounds, -time and -keys must be above zero")
	}
	return s, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	if set.docs != "" { // before all the measuring
		if _, err := readPages(set.docs); err != nil {
			return err
		}
	}
	var text bytes.Buffer
	if set.from != "" {
		former, err := os.ReadFile(set.from)
		if err != nil {
			return err
		}
		text.Write(former)
	} else if err := measure(ctx, set, steps(set), io.MultiWriter(&text, stdout), stderr); err != nil {
		return err
	}
	found, err := parse(text.String())
	if err != nil {
		return err
	}
	if err := writeVerdict(found, stderr); err != nil || set.docs == "" {
		return err
	}
	return writePages(set.docs, found)
}
