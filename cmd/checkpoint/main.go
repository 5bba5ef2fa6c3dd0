// Command checkpoint looks at and changes the checkpoints of event consumers.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends what does not see the first
	code := cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
