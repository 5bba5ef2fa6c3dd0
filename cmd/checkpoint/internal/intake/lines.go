package intake

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

const maxLineLen = 64 << 10 // a line of ours has less than 4 KiB

// Checkpoints yields checkpoints that were read before.
func Checkpoints(all []checkpoint.Checkpoint) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		for _, c := range all {
			if !yield(ItemOf(c), nil) {
				return
			}
		}
	}
}

// Lines yields the checkpoints of lines of JSON, from the line with the number first on;
// lines count from 1. It ends with ctx, even if a read from r does not end.
func Lines(ctx context.Context, r io.Reader, first int) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		lines := make(chan lineRead, batchSize)
		go readLines(ctx, r, first, lines)
		for next := 1; ; {
			select {
			case l, ok := <-lines:
				if !ok || !yield(l.Item, l.err) {
					return
				}
				next = l.Line + 1
			case <-ctx.Done():
				yield(&Item{Line: next}, context.Cause(ctx))
				return
			}
		}
	}
}

// A lineRead is a line of the input, or why there is none.
type lineRead struct {
	*Item

	err error
}

// readLines runs in a goroutine, because a read from a pipe or a terminal sees no context. It
// closes lines at the end of r and after an error, but not if ctx ends.
func readLines(ctx context.Context, r io.Reader, first int, lines chan<- lineRead) {
	in := bufio.NewReaderSize(r, maxLineLen)
	for n := 1; ctx.Err() == nil; n++ {
		text, err := in.ReadSlice('\n')
		last := err != nil
		if errors.Is(err, io.EOF) { // the last line may have no newline
			err = nil
		}
		if err != nil || n >= first && len(bytes.TrimSpace(text)) > 0 {
			i, err := decode(text, err)
			i.Line, last = n, last || err != nil
			select {
			case lines <- lineRead{i, err}:
			case <-ctx.Done():
				return
			}
		}
		if last {
			close(lines)
			return
		}
	}
}

func decode(text []byte, readErr error) (*Item, error) {
	if errors.Is(readErr, bufio.ErrBufferFull) {
		readErr = fmt.Errorf("it is longer than %d KiB, the limit for a line", maxLineLen>>10)
	}
	if readErr != nil {
		return &Item{}, readErr
	}
	c, err := transfer.Decode(text)
	return ItemOf(c), err
}
