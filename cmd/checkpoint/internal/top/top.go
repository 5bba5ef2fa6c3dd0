// Package top shows the consumers of a store on a terminal, and goes on to do so. Its model
// is pure: a message and a model make the next model, and a model makes a screen. Commands,
// which Bubble Tea runs, do the reading and the writing.
package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// Options say what to show, and how.
type Options struct {
	Store    *checkpoint.Store
	Name     string // of the store, without a password
	Pattern  string
	Rules    watch.Rules
	Sort     string        // one of watch.Orders
	Interval time.Duration // from one read to the next

	// Write lets a person rewind. Actor and Reason are for the audit entry; the person can
	// change the reason.
	Write         bool
	Actor, Reason string

	// Limit limits one call of the store. Explain makes one line of an error.
	Limit   func(context.Context) (context.Context, context.CancelFunc)
	Explain func(error) string
}

// Run shows the screen until the person leaves it or ctx ends.
func Run(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	calls, cancel := context.WithCancel(ctx)
	defer cancel()
	program := tea.NewProgram(newModel(calls, o), tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler())
	last, err := program.Run()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return errors.Join(err, inDoubt(last))
}

// inDoubt is the error of a person who has left while a rewind was under way.
func inDoubt(last tea.Model) error {
	if m, ok := last.(model); ok && m.mode == asking && m.dialog.stage == applying {
		return fmt.Errorf("it is not known whether %q was rewound; `checkpoint history` says so", m.dialog.key)
	}
	return nil
}
