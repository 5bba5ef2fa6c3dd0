package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/driver"
)

// hasTerminal reports whether there is a person to ask.
func (a *app) hasTerminal() bool { return output.IsTerminal(a.stdin) && output.IsTerminal(a.stderr) }

// ask returns the line that a person types after the question.
func (a *app) ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(a.stderr, a.redacted(question))
	if a.typed == nil {
		a.typed = bufio.NewReader(a.stdin)
	}
	line, err := readAll(ctx, func() (string, error) { return a.typed.ReadString('\n') })
	if err != nil {
		fmt.Fprintln(a.stderr) // nobody has ended the line
	}
	return strings.TrimSpace(line), err
}

func yesFlag(cmd *cobra.Command, yes *bool) {
	cmd.Flags().BoolVarP(yes, "yes", "y", false, "do not ask")
}

// canConfirm returns an error if the command must not begin: nobody has said yes, and there
// is nobody to ask.
func (a *app) canConfirm(cmd *cobra.Command, yes bool, what string) error {
	if yes || a.hasTerminal() {
		return nil
	}
	return usageError{cmd.CommandPath(), fmt.Errorf("there is no terminal to ask on: give --yes to %s without asking", what)}
}

// confirm asks a question, and then for the reason, unless yes is set. If the answer is not
// yes, the error says what was not done. The returned context carries the reason, too.
func (a *app) confirm(ctx context.Context, yes bool, notDone, question string, args ...any) (context.Context, error) {
	if yes {
		return ctx, nil
	}
	answer, err := a.ask(ctx, fmt.Sprintf(question, args...)+" [y/N] ")
	if err != nil && !errors.Is(err, io.EOF) {
		return ctx, err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		err := a.askReason(ctx)
		return driver.WithBy(ctx, a.by(driver.ByOf(ctx).Op)), err
	}
	return ctx, errors.New(notDone)
}

// askReason asks a person why, unless --reason says so. A second empty line leaves the
// reason empty.
func (a *app) askReason(ctx context.Context) error {
	if a.reasonGiven || !a.hasTerminal() {
		return nil
	}
	for _, question := range []string{"Reason, for the history: ", "Reason (Enter again for none): "} {
		reason, err := a.ask(ctx, question)
		if reason != "" || errors.Is(err, io.EOF) {
			a.reason, a.reasonGiven = reason, true
			return nil
		}
		if err != nil {
			return err
		}
	}
	a.reasonGiven = true
	return nil
}
