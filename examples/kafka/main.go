// Kafka handles every record of the given partitions at least once. It keeps its
// offsets in a checkpoint store, not in Kafka. docs/recipes.md explains it.
//
//	kafka -partitions 0,1 -first-run    # once
//	kafka -partitions 0,1               # from then on
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/checkpointstore/checkpoint"
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
	list := flags.String("partitions", "0", "the partitions that this process reads, with commas between them")
	firstRun := flags.Bool("first-run", false, "begin at the start of a partition that has no checkpoint")
	if err := flags.Parse(args); err != nil {
		return err
	}
	partitions, err := parse(*list)
	if err != nil {
		return err
	}
	driver, err := sqlitestore.Open(ctx, "checkpoints.db", nil)
	if err != nil {
		return err
	}
	store := checkpoint.New(driver, nil)
	defer store.Close()
	c := consumer{store: store, brokers: strings.Split(*brokers, ","), topic: *topic, firstRun: *firstRun, handle: handle}
	return c.all(ctx, partitions)
}

// all consumes partitions until ctx ends, or one of them fails.
func (c consumer) all(ctx context.Context, partitions []int32) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(partitions))
	var running sync.WaitGroup
	for i, partition := range partitions {
		running.Go(func() {
			if errs[i] = c.partition(ctx, partition); errs[i] != nil {
				cancel()
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func parse(list string) ([]int32, error) {
	var partitions []int32
	for text := range strings.SplitSeq(list, ",") {
		partition, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("partition %q is no number", text)
		}
		partitions = append(partitions, int32(partition))
	}
	return partitions, nil
}

// handle is the work: here, a line of the log.
func handle(ctx context.Context, r *kgo.Record) error {
	slog.InfoContext(ctx, "record", "partition", r.Partition, "offset", r.Offset, "key", string(r.Key))
	return nil
}
