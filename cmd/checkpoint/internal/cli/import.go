package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/foreign"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

// importFlags are the flags of import.
type importFlags struct {
	transfer.ImportOptions

	format, key string
}

func (f *importFlags) check() error {
	switch {
	case f.From < 1:
		return fmt.Errorf("--from-line is %d: lines count from 1", f.From)
	case f.Fence && !f.Overwrite:
		return errors.New("--fence needs --overwrite, and --overwrite is missing")
	case f.key != "" && f.format == "":
		return errors.New("--key needs --format, and --format is missing")
	case f.From > 1 && f.format != "":
		return errors.New("--from-line works for JSON Lines only: leave it out; a file of a --format is read as a whole, and repeating it does no harm")
	}
	return nil
}

func formatHelp() string {
	var text strings.Builder
	for _, f := range foreign.Formats {
		fmt.Fprintf(&text, "  %-10s  %s\n", f.Name, f.Help)
	}
	return text.String()
}

func (a *app) importCommand() *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use:     "import [FILE]",
		GroupID: groupMany,
		Short:   "Read checkpoints, also those of other programs",
		Long: `Reads the output of "checkpoint export" from FILE or stdin, and stores the
checkpoints. A checkpoint that is newer in the store stays, unless --overwrite is
given. The command leaves out a checkpoint that would have expired by now. It stops at
a line that is not in the form of "checkpoint export". The lines before that line are
stored; with --from-line, go on from that line. If there is no store, an empty input is
an error, and makes no store.

With --overwrite, a running consumer goes on writing over the imported checkpoints. If
the consumer holds a lease, the command names it. --fence raises the epoch of each key
in the same step, which locks out a consumer that writes with an older epoch. Stop a
consumer that writes without an epoch first.

With --format, the command reads a file that another program exported. It reads all
of the file before it stores anything. If the program stores the next event to read,
the command stores the position of the event before it. A key is --key, "/" and the
name in the file. The formats:

` + formatHelp() + `
A line carries the epoch of its checkpoint. If a key has no checkpoint any more, or if
its last write had no epoch, no line carries the highest epoch of the key.`,
		Example: `  checkpoint import backup.jsonl
  checkpoint export | checkpoint --store redis://127.0.0.1:6379 import
  checkpoint import --format kafka --key billing offsets.csv`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			in, err := a.input(args)
			if err != nil {
				return err
			}
			defer in.Close()
			if _, ok := in.(*os.File); ok { // otherwise the lines come from stdin
				if err := a.askReason(cmd.Context()); err != nil {
					return err
				}
			}
			ctx, cancel, err := a.limit(cmd, true)
			if err != nil {
				return err
			}
			defer cancel()
			cmd.SetContext(ctx) // one limit for all of it
			if flags.format != "" {
				return a.importForeign(cmd, in, flags)
			}
			return a.importLines(cmd, in, flags.ImportOptions)
		},
	}
	cmd.Flags().StringVar(&flags.format, "format", "", "read a file of another program, in one of the formats above")
	cmd.Flags().StringVar(&flags.key, "key", "", "with --format: the prefix of the names in the file, or the key if the file has no name")
	cmd.Flags().IntVar(&flags.From, "from-line", 1, "skip the lines before this one")
	cmd.Flags().BoolVar(&flags.Overwrite, "overwrite", false, "replace newer positions, too")
	cmd.Flags().BoolVar(&flags.Fence, "fence", false, "with --overwrite: also raise the keys' epochs, which locks out consumers that write with older ones")
	return cmd
}

// input is the file of the arguments, or stdin.
func (a *app) input(args []string) (io.ReadCloser, error) {
	if len(args) == 0 || args[0] == "-" {
		return io.NopCloser(a.stdin), nil
	}
	f, err := os.Open(args[0])
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		_ = f.Close()
		return nil, fmt.Errorf("%s is a folder: name a file", args[0])
	}
	return f, nil
}

// importForeign reads all of the file first: a mistake in it makes no store.
func (a *app) importForeign(cmd *cobra.Command, in io.Reader, flags importFlags) error {
	format, err := foreign.Find(flags.format)
	if err != nil {
		return usageError{cmd.CommandPath(), err}
	}
	all, err := readAll(cmd.Context(), func() ([]checkpoint.Checkpoint, error) { return format.Read(in, flags.key) })
	if err != nil {
		return err
	}
	return a.run(cmd, with{create: true, walks: true}, func(ctx context.Context, store *checkpoint.Store) error {
		err := a.importFrom(flags.ImportOptions, func(opts transfer.ImportOptions) (transfer.Report, error) {
			return transfer.ImportAll(ctx, store, all, opts)
		})
		if e := (*transfer.LineError)(nil); errors.As(err, &e) {
			return fmt.Errorf("%q: %w", all[e.Line-1].Key, e.Err)
		}
		return err
	})
}

// importLines reads JSON Lines.
func (a *app) importLines(cmd *cobra.Command, in io.Reader, opts transfer.ImportOptions) error {
	read := func(ctx context.Context, store *checkpoint.Store) error {
		err := a.importFrom(opts, func(opts transfer.ImportOptions) (transfer.Report, error) {
			return transfer.Import(ctx, store, in, opts)
		})
		if e := (*transfer.LineError)(nil); errors.As(err, &e) {
			return fmt.Errorf("%w; the lines before it are done: go on with `checkpoint import --from-line %d`", err, e.Line)
		}
		return err
	}
	err := a.run(cmd, with{walks: true}, read)
	if !errors.Is(err, engine.ErrNoStore) {
		return err
	}
	// A failed export leaves an empty input, which must not make an empty store.
	said := bufio.NewReader(in)
	_, first := readAll(cmd.Context(), func() ([]byte, error) { return said.Peek(1) })
	switch {
	case errors.Is(first, io.EOF):
		return err
	case first != nil:
		return first
	}
	in = said
	return a.run(cmd, with{create: true, walks: true}, read)
}

// readAll returns when ctx ends, even if read does not: a read from a pipe or a terminal
// ignores contexts.
func readAll[T any](ctx context.Context, read func() (T, error)) (value T, err error) {
	done := make(chan struct{})
	var late T
	var lateErr error
	go func() {
		defer close(done)
		late, lateErr = read()
	}()
	select {
	case <-done:
		return late, lateErr
	case <-ctx.Done():
		return value, context.Cause(ctx)
	}
}

// importFrom runs an import, and reports how many lines were stored and left out.
func (a *app) importFrom(opts transfer.ImportOptions, do func(transfer.ImportOptions) (transfer.Report, error)) error {
	opts.By = new(a.by("import"))
	bar := a.progress()
	opts.Progress = func(r transfer.Report) { bar.show("%d lines", r.Lines) }
	opts.Running = func(key, owner string) {
		bar.done()
		a.note("%q is leased by %q, which goes on writing over the import; --fence locks it out", key, owner)
	}
	r, err := do(opts)
	bar.done()
	if r.Unfenced > 0 {
		a.note("%s written without an epoch: no fence stops a running consumer from overwriting; stop it",
			counted(r.Unfenced, "checkpoint was", "checkpoints were"))
	}
	_, outErr := fmt.Fprintf(a.stdout, "%d stored, %d newer here, %d fenced, %d expired\n", r.Written, r.Stale, r.Fenced, r.Expired)
	if err == nil && r.Fenced > 0 {
		err = fmt.Errorf("%w: %s an epoch below the fence of the key", checkpoint.ErrFenced, counted(r.Fenced, "line carries", "lines carry"))
	}
	return cmp.Or(err, outErr)
}
