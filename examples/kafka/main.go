// Kafka handles every record of a topic at least once. Its instances share the topic's
// partitions out among themselves, and keep the offsets in a checkpoint store, not in
// Kafka. docs/recipes.md explains it.
//
//	kafka -first-run    # once: the first instance of the first run
//	kafka               # every other instance, and from then on
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("kafka", flag.ContinueOnError)
	brokers := flags.String("brokers", "127.0.0.1:9092", "host:port of some brokers, with commas between them")
	topic := flags.String("topic", "orders", "the topic to read")
	firstRun := flags.Bool("first-run", false, "begin at the start of the topic if there is no checkpoint")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// A file is for instances on one machine. For several machines, use another engine.
	driver, err := sqlitestore.Open(ctx, "checkpoints.db", nil)
	if err != nil {
		return err
	}
	store := checkpoint.New(driver, nil)
	defer store.Close()
	c := &consumer{
		store: store, brokers: strings.Split(*brokers, ","), topic: *topic, firstRun: *firstRun, handle: handle,
		group: group.Options{Logger: slog.Default()},
	}
	return c.run(ctx)
}

// handle is the work: here, a line of the log.
func handle(ctx context.Context, r *kgo.Record) error {
	slog.InfoContext(ctx, "record", "partition", r.Partition, "offset", r.Offset, "key", string(r.Key))
	return nil
}
