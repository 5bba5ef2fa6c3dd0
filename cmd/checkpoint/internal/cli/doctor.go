package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
)

func (a *app) doctor() *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		GroupID: groupMore,
		Short:   "Say what stands between a store and its promises",
		Long: `Looks at the settings and the state of the store's server or file, and at every key
in the store, and changes no key. Prints a line for each check: OK, WARN or FAIL, the
check, the fact, and the remedy. WARN: a promise may fail one day, or the check could
not be made. FAIL: a promise fails now, or at the next fault.

The exit code is that of the worst line: 0 for OK, 6 for WARN, 1 for FAIL. A store that
cannot be reached, or does not exist, is a FAIL.

Run the command with the consumers' URL: then it sees what their user may do. In a pipe
the columns are level, check, fact and remedy, separated by tabs; "-" stands for no
remedy. With -o json, each line is an object with check, level, text and remedy.`,
		Example: `  checkpoint doctor --store 'redis://127.0.0.1:6379/0?namespace=prod:'
  checkpoint doctor -o json | jq -r 'select(.level != "OK") | .text'`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := output.New(a.stdout, a.format); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			r := a.report(cmd.Context(), output.Findings(a.stdout, a.format))
			return errors.Join(a.examine(cmd.Context(), cmd, r), r.Err())
		},
	}
}

// report returns a report that passes lines to write without the password of the store's URL.
func (a *app) report(ctx context.Context, write func(doctor.Line) error) *doctor.Report {
	return doctor.NewReport(func(l doctor.Line) error {
		l.Text, l.Remedy = a.withoutPassword(l.Text), a.withoutPassword(l.Remedy)
		return write(l)
	}, func(err error) (fact, remedy string) {
		fact, remedy, _ = strings.Cut(a.explain(ctx, err), "; ")
		return fact, remedy
	})
}

// withoutPassword redacts the store's URL in text.
func (a *app) withoutPassword(text string) string {
	if url := a.storeName(); engine.HasPassword(url) {
		return strings.ReplaceAll(text, url, engine.Redact(url))
	}
	return text
}

// examine reports on the store. An error is a mistake on the command line, or the end of
// ctx.
func (a *app) examine(ctx context.Context, cmd *cobra.Command, r *doctor.Report) error {
	short, cancel, err := a.within(ctx, cmd, shortTimeout)
	if err != nil {
		return err
	}
	defer cancel()
	opened, err := a.engines.Check(short, a.storeName(), r)
	if err != nil {
		if err = a.opening(short, cmd, a.storeName(), err); errors.As(err, new(usageError)) {
			return err
		}
		r.Broken("store", err, "repair what the error names, or name another store by --store")
		return nil
	}
	if opened.Driver == nil {
		return nil
	}
	long, cancel, err := a.within(ctx, cmd, 0)
	if err != nil {
		return err
	}
	defer cancel()
	if opened.Slow != nil {
		opened.Slow(long, r)
	}
	doctor.Contents(long, engine.ReadOnly(opened.Driver), r)
	if err := opened.Close(); err != nil {
		r.Broken("store", err, "repair what the error names, or name another store by --store")
	}
	return context.Cause(ctx)
}
