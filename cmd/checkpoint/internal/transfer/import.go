package transfer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// A Report says what became of the lines of an import.
type Report struct {
	Lines   int // that were read, blank ones and those before From included
	Written int // checkpoints that are stored now, or were already
	Stale   int // left as they were, because a newer position is stored
	Fenced  int // left as they were, because a higher epoch was seen
	Expired int // left out, because they would have expired by now
}

// ImportOptions configures [Import].
type ImportOptions struct {
	From      int  // the number of the first line that is imported; lines count from 1
	Overwrite bool // write also over newer positions
	Progress  func(Report)
}

// A LineError says where an import stopped: every line before Line is done,
// and none after it.
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
// [*LineError]. To repeat lines that may have been written does no harm.
func Import(ctx context.Context, store *checkpoint.Store, r io.Reader, opts ImportOptions) (Report, error) {
	im := importer{store: store, opts: opts}
	lines := bufio.NewReaderSize(r, maxLineLen)
	for {
		text, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(text) == 0 {
			return im.report, im.flush(ctx)
		}
		if err := im.add(ctx, text, err); err != nil {
			return im.report, err
		}
	}
}

type importer struct {
	store  *checkpoint.Store
	opts   ImportOptions
	report Report
	batch  []checkpoint.Write
	lines  []int // where each of the batch was read
}

func (im *importer) add(ctx context.Context, text []byte, readErr error) error {
	im.report.Lines++
	n := im.report.Lines
	// What is wrong with a line does not undo the lines before it.
	fail := func(err error) error {
		if flushErr := im.flush(ctx); flushErr != nil {
			return flushErr
		}
		return &LineError{Line: n, Err: err}
	}
	switch {
	case errors.Is(readErr, bufio.ErrBufferFull):
		return fail(fmt.Errorf("it is longer than %d KiB, which no checkpoint is", maxLineLen>>10))
	case readErr != nil && !errors.Is(readErr, io.EOF):
		return fail(readErr)
	case ctx.Err() != nil:
		return fail(context.Cause(ctx))
	case n < im.opts.From || len(bytes.TrimSpace(text)) == 0:
		return nil
	}
	c, err := Decode(text)
	if err != nil {
		return fail(err)
	}
	w := checkpoint.Write{
		Key: c.Key, Position: c.Position, UpdatedAt: c.UpdatedAt, Epoch: c.Epoch, IfNewer: !im.opts.Overwrite,
	}
	if !c.ExpiresAt.IsZero() {
		if w.TTL = time.Until(c.ExpiresAt); w.TTL <= 0 {
			im.report.Expired++
			return nil
		}
	}
	im.lines = append(im.lines, n)
	if im.batch = append(im.batch, w); len(im.batch) < batchSize {
		return nil
	}
	return im.flush(ctx)
}

func (im *importer) flush(ctx context.Context) error {
	if len(im.batch) == 0 {
		return nil
	}
	batch, lines := im.batch, im.lines
	im.batch, im.lines = im.batch[:0], im.lines[:0]
	err := im.apply(ctx, batch, lines[0])
	if errors.Is(err, checkpoint.ErrInvalidKey) && len(batch) > 1 {
		// Nothing was written. One by one, to find the line.
		for i := range batch {
			if err = im.apply(ctx, batch[i:i+1], lines[i]); err != nil {
				break
			}
		}
	}
	if err == nil && im.opts.Progress != nil {
		im.opts.Progress(im.report)
	}
	return err
}

func (im *importer) apply(ctx context.Context, batch []checkpoint.Write, line int) error {
	outcomes, err := im.store.Apply(ctx, batch...)
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
		return &LineError{Line: line, Err: reason(err)}
	}
	return nil
}
