package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/foreign"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/intake"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/driver"
)

// importFlags are the flags of import.
type importFlags struct {
	firstLine        int
	overwrite, fence bool
	format, key      string
}

func (f *importFlags) check() error {
	switch {
	case f.firstLine < 1:
		return fmt.Errorf("--from-line is %d: lines count from 1", f.firstLine)
	case f.fence && !f.overwrite:
		return errors.New("--fence needs --overwrite, and --overwrite is missing")
	case f.key != "" && f.format == "":
		return errors.New("--key needs --format, and --format is missing")
	case f.firstLine > 1 && f.format != "":
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
checkpoints. A checkpoint that is newer in the store, or at the same position, stays,
unless --overwrite is given. The command leaves out a checkpoint that would have expired
by now. It reads back what it has written. It stops at a line that is not in the form of
"checkpoint export". The lines before that line are stored; with --from-line, go on from
that line. If there is no store, an empty input is an error, and makes no store.

The exit code is 5 if the fence of a key refuses the epoch of a checkpoint. The command
reports damaged checkpoints and fences in the store, leaves their keys alone, and ends
with exit code 1. --overwrite also replaces damaged checkpoints.

With --overwrite, a running consumer goes on writing over the imported checkpoints. If
the consumer holds a lease, the command names it. --fence raises the epoch of each key
in the same step, which locks out a consumer that writes with an older epoch. First stop
each consumer that writes without an epoch.

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
			} else if output.IsTerminal(a.stdin) {
				a.note("reads %s from stdin; Ctrl-D ends it", cmp.Or(flags.format, "JSON Lines"))
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
			return a.importLines(cmd, in, flags)
		},
	}
	cmd.Flags().StringVar(&flags.format, "format", "", "read a file of another program, in one of the formats above")
	cmd.Flags().StringVar(&flags.key, "key", "", "with --format: the prefix of the names in the file, or the key if the file has no name")
	cmd.Flags().IntVar(&flags.firstLine, "from-line", 1, "skip the lines before this one")
	cmd.Flags().BoolVar(&flags.overwrite, "overwrite", false, "replace newer positions, too")
	cmd.Flags().BoolVar(&flags.fence, "fence", false, "with --overwrite: also raise the keys' epochs, which locks out consumers that write with older ones")
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
		err := a.importItems(ctx, store, intake.Checkpoints(all), flags)
		if e := (*intake.Error)(nil); errors.As(err, &e) {
			return partError{before: fmt.Sprintf("%q: ", e.Item.From.Key), err: transfer.Reason(e.Err)}
		}
		return err
	})
}

// importLines reads JSON Lines.
func (a *app) importLines(cmd *cobra.Command, in io.Reader, flags importFlags) error {
	read := func(ctx context.Context, store *checkpoint.Store) error {
		err := a.importItems(ctx, store, intake.Lines(ctx, in, flags.firstLine), flags)
		if e := (*intake.Error)(nil); errors.As(err, &e) {
			return partError{
				before: fmt.Sprintf("line %d: ", e.Item.Line), err: transfer.Reason(e.Err),
				after: fmt.Sprintf("; the lines before it are done: go on with `checkpoint import --from-line %d`", e.Item.Line),
			}
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

// importItems takes the items in. There may be very many, so it does not name each change.
func (a *app) importItems(ctx context.Context, store *checkpoint.Store, items iter.Seq2[*intake.Item, error], flags importFlags) error {
	t := a.taking(true)
	tell := func(e intake.Event, i *intake.Item) {
		if e != intake.Changed {
			t.tell(e, i)
		}
	}
	var writer intake.Writer = intake.Newer{}
	if flags.overwrite {
		writer = intake.Overwrite{Fence: flags.fence}
	}
	ctx = driver.WithBy(ctx, a.by("import"))
	return t.run(ctx, intake.Job{Items: items, To: store, Writer: writer, Apply: true, Tell: tell})
}
