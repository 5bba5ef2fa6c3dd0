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
		lines := readLines(ctx, r)
		for n := 1; ; n++ {
			var l lineRead
			select {
			case read, ok := <-lines:
				if !ok {
					return
				}
				l = read
			case <-ctx.Done():
				l.err = context.Cause(ctx)
			}
			if l.sound() && (n < first || len(bytes.TrimSpace(l.text)) == 0) {
				continue
			}
			i, err := l.item()
			i.Line = n
			if !yield(i, err) || err != nil {
				return
			}
		}
	}
}

// A lineRead is a line of the input, or why there is none.
type lineRead struct {
	text []byte
	err  error
}

// sound reports whether the line was read. The last one may have no newline.
func (l *lineRead) sound() bool { return l.err == nil || errors.Is(l.err, io.EOF) }

func (l *lineRead) item() (*Item, error) {
	switch {
	case errors.Is(l.err, bufio.ErrBufferFull):
		return &Item{}, fmt.Errorf("it is longer than %d KiB, the limit for a line", maxLineLen>>10)
	case !l.sound():
		return &Item{}, l.err
	}
	c, err := transfer.Decode(l.text)
	if err != nil {
		return &Item{}, err
	}
	return ItemOf(c), nil
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
