// Command checkpoint looks at and changes the checkpoints of event consumers, in every
// engine. The command in the folder cmd/checkpoint is the same without PostgreSQL and
// etcd, and is built in a shorter time.
package main

import (
	"os"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/cli"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
)

func main() {
	os.Exit(cli.Main(engine.Table{engine.SQLite, engine.Redis, postgres(engine.PostgreSQL), etcd(engine.Etcd)}))
}
