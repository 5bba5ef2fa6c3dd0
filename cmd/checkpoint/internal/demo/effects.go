package demo

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"sync"

	"github.com/checkpointstore/checkpoint"
)

// An Effect is what one event did: it added Amount to the total of Name.
type Effect struct {
	Position checkpoint.Position
	Name     string
	Amount   int64
}

// effects is a file of the effects of every event that an instance handled. An
// event that it handled twice is in the file twice, so that the files alone tell which
// events were skipped and which were repeated.
type effects struct {
	mu   sync.Mutex
	f    *os.File
	body []byte
	line []byte
}

func openEffects(path string) (*effects, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	return &effects{f: f}, nil
}

// append writes an effect. When it returns, the end of this process does not undo the
// effect: there is no buffer that could be lost.
func (x *effects) append(e Effect) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.body = strconv.AppendUint(x.body[:0], e.Position.Commit, 10)
	x.body = strconv.AppendUint(append(x.body, '\t'), e.Position.Prepare, 10)
	x.body = append(append(x.body, '\t'), e.Name...)
	x.body = strconv.AppendInt(append(x.body, '\t'), e.Amount, 10)
	x.line = appendLine(x.line[:0], x.body)
	_, err := x.f.Write(x.line)
	return err
}

func (x *effects) close() error { return x.f.Close() }

// readEffects yields the effects in a file. It drops a last line that a crash
// cut off: the event of that line took no effect.
func readEffects(path string) iter.Seq2[Effect, error] {
	return func(yield func(Effect, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Effect{}, err)
			return
		}
		defer f.Close()
		for l, err := range readLines(f, 0) {
			if errors.Is(err, errTorn) {
				return
			}
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
