package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/logging"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/driver"
)

// app is one run of the command: its engines, its streams and its flags.
type app struct {
	engines        engine.Table
	args           []string
	stdin          io.Reader
	typed          *bufio.Reader // of a terminal's lines
	stdout, stderr io.Writer

	storeURL            string
	storeGiven          bool // by a flag
	copies              bool // between the stores of its arguments: --store names none
	timeout             time.Duration
	format              string
	reason              string
	reasonGiven         bool   // by a flag, or by a person who was asked
	because             string // what the command itself puts before the reason
	logLevel, logFormat string
}

// shortTimeout is how long a command on one checkpoint takes at most.
const shortTimeout = 10 * time.Second

// timeoutError is the cause of a context that --timeout ended.
type timeoutError struct{ after time.Duration }

func (e timeoutError) Error() string { return fmt.Sprintf("no answer within %v", e.after) }

// A job is what a command does with its open store.
type job func(ctx context.Context, store *checkpoint.Store) error

// with says how to run a job. If create is set, a missing store file is made.
// If walks is set, the job has no default timeout: it walks over many checkpoints, or waits
// for a person's answer. If audited is set, the job leaves audit entries by hand, and a person is asked for the
// reason first.
type with struct {
	create  bool
	walks   bool
	audited bool
}

// limit returns the command's context with the limit of --timeout. Without the flag, a
// walk has no limit, and any other job has shortTimeout.
func (a *app) limit(cmd *cobra.Command, walks bool) (context.Context, context.CancelFunc, error) {
	usual := shortTimeout
	if walks {
		usual = 0
	}
	return a.within(cmd.Context(), cmd, usual)
}

// within returns ctx with the limit of --timeout. Without the flag, the limit is usual; zero
// is none.
func (a *app) within(ctx context.Context, cmd *cobra.Command, usual time.Duration) (context.Context, context.CancelFunc, error) {
	timeout := cmp.Or(a.timeout, usual)
	ctx = driver.WithBy(ctx, a.by(""))
	switch {
	case timeout < 0:
		return nil, nil, usageError{cmd.CommandPath(), fmt.Errorf("--timeout is %v, it must not be negative", timeout)}
	case timeout == 0:
		return ctx, func() {}, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, timeoutError{timeout})
	return ctx, cancel, nil
}

func (a *app) run(cmd *cobra.Command, w with, f job) (err error) {
	if w.audited { // before the time of --timeout begins
		if err := a.askReason(cmd.Context()); err != nil {
			return err
		}
	}
	ctx, cancel, err := a.limit(cmd, w.walks)
	if err != nil {
		return err
	}
	defer cancel()
	if _, err := output.New(a.stdout, a.format); err != nil {
		return usageError{cmd.CommandPath(), err}
	}
	store, err := a.open(ctx, cmd, a.storeName(), w.create)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return f(ctx, store)
}

func (a *app) open(ctx context.Context, cmd *cobra.Command, url string, create bool) (*checkpoint.Store, error) {
	store, _, err := a.openDriver(ctx, cmd, url, create)
	return store, err
}

// openDriver is open for a command that needs more of the driver than a Store offers.
func (a *app) openDriver(ctx context.Context, cmd *cobra.Command, url string, create bool) (*checkpoint.Store, driver.Driver, error) {
	logger, err := a.logger(cmd)
	if err != nil {
		return nil, nil, err
	}
	d, err := a.engines.Open(ctx, url, create, logger)
	if err != nil {
		return nil, nil, a.opening(ctx, cmd, url, err)
	}
	return checkpoint.New(d, &checkpoint.Options{Logger: logger}), d, nil
}

func (a *app) logger(cmd *cobra.Command) (*slog.Logger, error) {
	logger, err := logging.New(redacting{a}, a.logLevel, a.logFormat)
	if err != nil {
		return nil, usageError{cmd.CommandPath(), err}
	}
	return logger, nil
}

// opening returns the error of a store that cannot be opened.
func (a *app) opening(ctx context.Context, cmd *cobra.Command, url string, err error) error {
	if errors.Is(err, engine.ErrUsage) {
		return usageError{cmd.CommandPath(), err}
	}
	if end := ctx.Err(); end != nil && errors.Is(err, end) {
		err = fmt.Errorf("%w: %w", err, context.Cause(ctx))
	}
	return openError{url, err}
}

// printOne prints one checkpoint.
func (a *app) printOne(c checkpoint.Checkpoint) error {
	p, err := output.New(a.stdout, a.format)
	if err != nil {
		return err
	}
	if err := p.Print(c); err != nil {
		return err
	}
	return p.Flush()
}

// note prints a line on stderr, which is for people and not part of the result.
func (a *app) note(format string, args ...any) {
	fmt.Fprintln(a.stderr, "checkpoint: "+a.redacted(fmt.Sprintf(format, args...)))
}

// counted returns a number and its words.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// progress shows a count while a command walks, on a terminal only.
type progress struct {
	w    io.Writer // nil: nobody looks
	last time.Time
}

func (a *app) progress() *progress {
	if !output.IsTerminal(a.stderr) {
		return &progress{}
	}
	return &progress{w: a.stderr, last: time.Now()}
}

const eraseLine = "\r\x1b[K"

func (p *progress) show(format string, args ...any) {
	if p.w == nil || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last = time.Now()
	fmt.Fprintf(p.w, eraseLine+format, args...)
}

func (p *progress) done() {
	if p.w != nil {
		fmt.Fprint(p.w, eraseLine)
	}
}
