package transfer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// A Report says what became of the lines of an import.
type Report struct {
	Lines   int // that were read, blank ones and those before From included
	Written int // checkpoints that are stored now, or were already
	Stale   int // left as they were, because a newer position is stored
	Fenced  int // left as they were, because a higher epoch was seen
	Expired int // left out, because they would have expired by now

	// Unfenced counts the overwritten checkpoints whose consumers write without an
	// epoch, so that nothing locks them out.
	Unfenced int
}

// ImportOptions configures [Import].
type ImportOptions struct {
	From      int        // the number of the first line that is imported; lines count from 1
	Overwrite bool       // write also over newer positions
	Fence     bool       // with Overwrite: lock the keys' consumers out in the same step
	By        *driver.By // who imports, for the audit entries
	Progress  func(Report)

	// Running is called for each key that is overwritten while owner holds its lease and
	// goes on writing. It is not called if Fence is set.
	Running func(key, owner string)
}

// A LineError says where an import stopped: every line before Line is done.
// Some after it may be done, too, if they were in the same batch.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

func (e *LineError) Unwrap() error { return e.Err }

const (
	batchSize  = 500
	maxLineLen = 64 << 10 // a line of ours has less than 4 KiB
)

// Import reads lines of JSON from r into store, in batches. Its error is a
// [*LineError]. Repeating lines that may have been written does no harm.
func Import(ctx context.Context, store *checkpoint.Store, r io.Reader, opts ImportOptions) (Report, error) {
	im := importer{store: store, opts: opts}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := readLines(ctx, r)
	for {
		select {
		case l, ok := <-lines:
			if !ok {
				return im.report, im.flush(ctx)
			}
			im.report.Lines++
			if err := im.add(ctx, l.text, l.err); err != nil {
				return im.report, err
			}
		case <-ctx.Done():
			return im.report, im.stop(ctx, im.report.Lines+1, context.Cause(ctx))
		}
	}
}

// A lineRead is a line of the input, or why there is none.
type lineRead struct {
	text []byte
	err  error
}

// readLines reads in a goroutine, because a read from a pipe or a terminal sees
// no context. The channel is closed at the end of r, but not if ctx ends.
func readLines(ctx context.Context, r io.Reader) <-chan lineRead {
	lines := make(chan lineRead, batchSize)
	go func() {
		in := bufio.NewReaderSize(r, maxLineLen)
		for {
			text, err := in.ReadSlice('\n')
			if errors.Is(err, io.EOF) && len(text) == 0 {
				close(lines)
				return
			}
			select {
			case lines <- lineRead{bytes.Clone(text), err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				close(lines)
				return
			}
		}
	}()
	return lines
}

// ImportAll is [Import] of checkpoints that were read before. The Line of its error
// counts them from 1.
func ImportAll(ctx context.Context, store *checkpoint.Store, all []checkpoint.Checkpoint, opts ImportOptions) (Report, error) {
	im := importer{store: store, opts: opts}
	for i, c := range all {
		im.report.Lines++
		if err := im.take(ctx, i+1, c); err != nil {
			return im.report, err
		}
	}
	return im.report, im.flush(ctx)
}

type importer struct {
	store  *checkpoint.Store
	opts   ImportOptions
	report Report
	batch  []checkpoint.Checkpoint
	lines  []int // of the batch
}

// stop stores the lines before line, and returns the error of an import that ends there.
func (im *importer) stop(ctx context.Context, line int, err error) error {
	if flushErr := im.flush(ctx); flushErr != nil {
		return flushErr
	}
	return &LineError{Line: line, Err: err}
}

func (im *importer) add(ctx context.Context, text []byte, readErr error) error {
	n := im.report.Lines
	switch {
	case errors.Is(readErr, bufio.ErrBufferFull):
		return im.stop(ctx, n, fmt.Errorf("it is longer than %d KiB, the limit for a line", maxLineLen>>10))
	case readErr != nil && !errors.Is(readErr, io.EOF):
		return im.stop(ctx, n, readErr)
	case n < im.opts.From || len(bytes.TrimSpace(text)) == 0:
		return nil
	}
	c, err := Decode(text)
	if err != nil {
		return im.stop(ctx, n, err)
	}
	return im.take(ctx, n, c)
}

func (im *importer) take(ctx context.Context, line int, c checkpoint.Checkpoint) error {
	im.lines = append(im.lines, line)
	if im.batch = append(im.batch, c); len(im.batch) < batchSize {
		return nil
	}
	return im.flush(ctx)
}

func (im *importer) flush(ctx context.Context) error {
	if len(im.batch) == 0 {
		return nil
	}
	writes, lines := im.writes()
	im.batch, im.lines = im.batch[:0], im.lines[:0]
	if len(writes) == 0 {
		return nil
	}
	if im.opts.Overwrite {
		im.look(ctx, writes)
	}
	send := im.store.Apply
	if im.opts.Fence {
		send = im.rewind
	}
	outcomes, err := send(ctx, writes...)
	for _, o := range outcomes {
		switch o {
		case checkpoint.Advanced, checkpoint.Unchanged:
			im.report.Written++
		case checkpoint.Stale:
			im.report.Stale++
		case checkpoint.Fenced:
			im.report.Fenced++
		case checkpoint.Unknown, checkpoint.Failed:
		}
	}
	if err != nil {
		first := slices.IndexFunc(outcomes, func(o checkpoint.Outcome) bool {
			return o == checkpoint.Failed || o == checkpoint.Unknown
		})
		return &LineError{Line: lines[max(first, 0)], Err: Reason(err)}
	}
	if im.opts.Progress != nil {
		im.opts.Progress(im.report)
	}
	return nil
}

// writes returns the writes of the batch and their lines, without expired checkpoints. It
// computes the rest of each TTL as late as this, because lines may come slowly.
func (im *importer) writes() ([]checkpoint.Write, []int) {
	writes, lines := make([]checkpoint.Write, 0, len(im.batch)), make([]int, 0, len(im.batch))
	for i, c := range im.batch {
		w, lives := WriteOf(c)
		if !lives {
			im.report.Expired++
			continue
		}
		w.IfNewer, w.By = !im.opts.Overwrite, im.opts.By
		writes, lines = append(writes, w), append(lines, im.lines[i])
	}
	return writes, lines
}
