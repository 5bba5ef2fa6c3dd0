package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/driver"
)

const (
	defaultInterval = 2 * time.Second
	leastInterval   = 500 * time.Millisecond

	// readTimeout is how long one of many reads takes at most, without --timeout.
	readTimeout = time.Minute
)

func intervalFlag(cmd *cobra.Command, every *time.Duration) {
	cmd.Flags().DurationVar(every, "interval", defaultInterval, "read the store once in this `time`")
}

func checkInterval(cmd *cobra.Command, every time.Duration) error {
	if every < leastInterval {
		return usageError{cmd.CommandPath(), fmt.Errorf("--interval is %v, it must be %v or more", every, leastInterval)}
	}
	return nil
}

// keepOpen runs f with the store, for as long as the person who runs the command wants.
// --timeout limits each read, and not the whole.
func (a *app) keepOpen(cmd *cobra.Command, f job) (err error) {
	opening, cancel, err := a.limit(cmd, false)
	if err != nil {
		return err
	}
	defer cancel()
	if _, err := output.New(a.stdout, a.format); err != nil {
		return usageError{cmd.CommandPath(), err}
	}
	store, err := a.open(opening, cmd, a.storeName(), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return f(driver.WithBy(cmd.Context(), a.by("")), store)
}

// limitRead returns the context of one of many reads.
func (a *app) limitRead(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := cmp.Or(a.timeout, readTimeout)
	return context.WithTimeoutCause(ctx, timeout, timeoutError{timeout})
}

// watchStatus prints the status once in each interval. A read that fails is reported, and the
// next one tried.
func (a *app) watchStatus(cmd *cobra.Command, pattern string, l look) error {
	return a.keepOpen(cmd, func(ctx context.Context, store *checkpoint.Store) error {
		ticks := time.NewTicker(l.every)
		defer ticks.Stop()
		for block := 0; ; block++ {
			if err := a.statusBlock(ctx, store, pattern, l, block); err != nil && !errors.Is(err, errStuck) {
				if ctx.Err() != nil {
					return err
				}
				a.note("%s", a.explain(ctx, err))
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-ticks.C:
			}
		}
	})
}

const clearScreen = "\x1b[H\x1b[2J"

// statusBlock prints the status. On a terminal it does so in place of the block before, and
// elsewhere below it, after an empty line.
func (a *app) statusBlock(parent context.Context, store *checkpoint.Store, pattern string, l look, block int) error {
	ctx, cancel := a.limitRead(parent)
	defer cancel()
	rows, err := l.rules.Snapshot(ctx, store, pattern)
	if err != nil {
		return err
	}
	separator := "\n"
	switch {
	case output.IsTerminal(a.stdout) && !isDumb():
		separator = fmt.Sprintf(clearScreen+"Every %v: %s, at %s\n\n", l.every, engine.Redact(a.storeName()), time.Now().UTC().Format(time.TimeOnly+"Z"))
	case block == 0:
		separator = ""
	}
	if _, err := fmt.Fprint(a.stdout, separator); err != nil {
		return err
	}
	return a.printRows(rows, l)
}

// isDumb reports whether the terminal only writes one line below the other.
func isDumb() bool {
	t := os.Getenv("TERM")
	return t == "" || t == "dumb"
}
