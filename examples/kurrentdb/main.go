// Kurrentdb handles every event of KurrentDB's $all at least once, from where
// the last run ended. docs/kurrentdb.md explains it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
	"github.com/checkpointstore/checkpoint/subscription"
)

const key = "order-processor" // of the checkpoint

func main() {
	url := flag.String("kurrentdb", "kurrentdb://127.0.0.1:2113?tls=false", "where KurrentDB is")
	firstRun := flag.Bool("first-run", false, "begin at the start of the log if there is no checkpoint")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *url, *firstRun)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "kurrentdb:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url string, firstRun bool) error {
	config, err := kurrentdb.ParseConnectionString(url)
	if err != nil {
		return err
	}
	client, err := kurrentdb.NewClient(config)
	if err != nil {
		return err
	}
	defer client.Close()
	driver, err := sqlitestore.Open(ctx, "checkpoints.db", nil)
	if err != nil {
		return err
	}
	store := checkpoint.New(driver, nil)
	defer store.Close()
	return consume(ctx, client, store, firstRun)
}

func consume(ctx context.Context, client *kurrentdb.Client, store *checkpoint.Store, firstRun bool) (err error) {
	opts := new(subscription.Options)
	if opts.LogID, err = logID(ctx, client); err != nil {
		return err
	}
	if firstRun {
		opts.Missing = subscription.FromStart
	}
	s, err := subscription.Open(ctx, store, key, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()

	last, resumes := s.Resume()
	read := func(ctx context.Context) iter.Seq2[item, error] {
		filter := kurrentdb.SubscribeToAllOptions{Filter: kurrentdb.ExcludeSystemEventsFilter()}
		return events(ctx, client, filter, last, resumes)
	}
	return subscription.Run(ctx, s, read, subscription.Handler[item]{
		Position:    func(i item) checkpoint.Position { return i.position },
		Ignore:      func(i item) bool { return i.event == nil },
		OrderingKey: func(i item) string { return i.event.OriginalEvent().StreamID },
		Handle:      handle,
		Workers:     8,
		Retry:       subscription.Backoff(time.Second, time.Minute, 5),
	})
}

// handle is the work: here, a line of the log.
func handle(ctx context.Context, i item) error {
	e := i.event.OriginalEvent()
	slog.InfoContext(ctx, "event", "type", e.EventType, "stream", e.StreamID, "position", i.position)
	return nil
}
