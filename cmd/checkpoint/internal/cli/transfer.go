package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/storeurl"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

func (a *app) export() *cobra.Command {
	return &cobra.Command{
		Use:     "export [PATTERN]",
		GroupID: groupMany,
		Short:   "Write checkpoints to stdout as JSON Lines",
		Long: `Writes the checkpoints whose keys match PATTERN, or all, to stdout: one JSON object
a line, numbers as strings. "checkpoint import" reads it. Damaged checkpoints,
fences and leases go to stderr with what is wrong, and make the exit code 1.`,
		Example:           "  checkpoint export > backup.jsonl",
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, with{walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
				w := bufio.NewWriter(a.stdout)
				p, err := output.New(w, "json")
				if err != nil {
					return err
				}
				found, err := a.printAll(ctx, store, patternOf(args), p)
				if err != nil {
					return err
				}
				if err := w.Flush(); err != nil {
					return err
				}
				return found.err()
			})
		},
	}
}

func (a *app) importCommand() *cobra.Command {
	var from int
	var overwrite bool
	cmd := &cobra.Command{
		Use:     "import [FILE]",
		GroupID: groupMany,
		Short:   "Read checkpoints from a file or stdin as JSON Lines",
		Long: `Reads what "checkpoint export" wrote, from FILE or from stdin, and stores it. A
checkpoint that is newer in the store stays, unless --overwrite is given. One that
would have expired by now is left out. A line that is not what export writes stops
the import; the lines before it are stored, and --from-line goes on. Where there is
no store, an empty input is an error and makes none.

A checkpoint's own epoch is in its line. The epoch of a key whose checkpoint is gone,
or was written without one since, is not.`,
		Example: `  checkpoint import backup.jsonl
  checkpoint export | checkpoint --store redis://127.0.0.1:6379 import`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if from < 1 {
				return usageError{cmd.CommandPath(), fmt.Errorf("--from-line is %d; lines count from 1", from)}
			}
			in := a.stdin
			if len(args) == 1 && args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				if info, err := f.Stat(); err == nil && info.IsDir() {
					return fmt.Errorf("%s is a folder", args[0])
				}
				in = f
			}
			read := func(ctx context.Context, store *checkpoint.Store) error {
				return a.importFrom(ctx, store, in, transfer.ImportOptions{From: from, Overwrite: overwrite})
			}
			ctx, cancel, err := a.limit(cmd, true)
			if err != nil {
				return err
			}
			defer cancel()
			cmd.SetContext(ctx) // one limit for all of it
			err = a.run(cmd, with{walks: true}, read)
			if !errors.Is(err, storeurl.ErrNoStore) {
				return err
			}
			// An empty input, as of an export that failed, must not make an empty store.
			said := bufio.NewReader(in)
			switch first := begin(ctx, said); {
			case errors.Is(first, io.EOF):
				return err
			case first != nil:
				return first
			}
			in = said
			return a.run(cmd, with{create: true, walks: true}, read)
		},
	}
	cmd.Flags().IntVar(&from, "from-line", 1, "leave out the lines before this one")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "write also over newer positions")
	return cmd
}

// begin waits for the first byte of r, which it leaves there. A read from a pipe
// or a terminal sees no context.
func begin(ctx context.Context, r *bufio.Reader) error {
	first := make(chan error, 1)
	go func() {
		_, err := r.Peek(1)
		first <- err
	}()
	select {
	case err := <-first:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *app) importFrom(ctx context.Context, store *checkpoint.Store, in io.Reader, opts transfer.ImportOptions) error {
	bar := a.progress()
	opts.Progress = func(r transfer.Report) { bar.show("%d lines", r.Lines) }
	r, err := transfer.Import(ctx, store, in, opts)
	bar.done()
	_, outErr := fmt.Fprintf(a.stdout, "%d stored, %d newer here, %d fenced, %d expired\n", r.Written, r.Stale, r.Fenced, r.Expired)
	if e := (*transfer.LineError)(nil); errors.As(err, &e) {
		return fmt.Errorf("%w; the lines before it are done, `checkpoint import --from-line %d` goes on", err, e.Line)
	}
	if err == nil && r.Fenced > 0 {
		err = fmt.Errorf("%w: %d lines carry an epoch below one that their keys have seen", checkpoint.ErrFenced, r.Fenced)
	}
	return cmp.Or(err, outErr)
}
