package demo

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"

	"github.com/checkpointstore/checkpoint"
)

// An Effect is what one event did: it added Amount to the total of Name.
type Effect struct {
	Position checkpoint.Position
	Name     string
	Amount   int64
}

// effects is a file of the effects of every event that a consumer handled, in
// the order in which it handled them. An event that was handled twice is in it
// twice, so that the file alone tells what was skipped and what was replayed.
type effects struct {
	f    *os.File
	body []byte
	line []byte
}

// openEffects opens the file to write on, and returns the report that its
// effects add up to. A line that was cut off by a crash is dropped: its event
// took no effect.
func openEffects(path string) (_ *effects, _ *Report, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	report := newReport()
	for l, err := range readLines(f, 0) {
		if errors.Is(err, errTorn) {
			if err := f.Truncate(l.offset); err != nil {
				return nil, nil, err
			}
			break
		}
		if err != nil {
			return nil, nil, err
		}
		e, err := l.effect()
		if err != nil {
			return nil, nil, err
		}
		report.Add(e)
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return nil, nil, err
	}
	return &effects{f: f}, report, nil
}

// append writes an effect: when it returns, the end of this process does not
// undo it. There is no buffer that could be lost.
func (x *effects) append(e Effect) error {
	x.body = strconv.AppendUint(x.body[:0], e.Position.Commit, 10)
	x.body = strconv.AppendUint(append(x.body, '\t'), e.Position.Prepare, 10)
	x.body = append(append(x.body, '\t'), e.Name...)
	x.body = strconv.AppendInt(append(x.body, '\t'), e.Amount, 10)
	x.line = appendLine(x.line[:0], x.body)
	_, err := x.f.Write(x.line)
	return err
}

func (x *effects) close() error { return x.f.Close() }

// readEffects yields the effects in a file.
func readEffects(path string) iter.Seq2[Effect, error] {
	return func(yield func(Effect, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Effect{}, err)
			return
		}
		defer f.Close()
		for l, err := range readLines(f, 0) {
			var e Effect
			if err == nil {
				e, err = l.effect()
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func (l line) effect() (Effect, error) {
	f := fields{rest: l.body}
	e := Effect{
		Position: checkpoint.Position{Commit: f.uint(), Prepare: f.uint()},
		Name:     f.text(),
		Amount:   f.int(),
	}
	if err := f.end(); err != nil {
		return Effect{}, fmt.Errorf("the effect at byte %d: %w", l.offset, err)
	}
	return e, nil
}
