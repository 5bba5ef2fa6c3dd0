package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
)

// Main runs the command line of this process with these engines, and returns its exit code. The first
// SIGINT or SIGTERM ends the run, the second one the process.
func Main(engines engine.Table) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(SignalError{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return Run(ctx, engines, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}
