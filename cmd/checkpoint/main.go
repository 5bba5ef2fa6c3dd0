// Command checkpoint looks at and changes the checkpoints of event consumers.
package main

import (
	"os"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/cli"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
)

func main() { os.Exit(cli.Main(engine.Standard)) }
