// Kurrentdb handles every event of KurrentDB's $all at least once, from where
// the last run ended. With -segments, several instances share the events out among
// themselves. docs/kurrentdb.md explains it.
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

	kurrent "github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/kurrentdb"
	"github.com/checkpointstore/checkpoint/sqlitestore"
	"github.com/checkpointstore/checkpoint/subscription"
)

const key = "order-processor" // of the checkpoint, and the name of the group

func main() {
	url := flag.String("kurrentdb", "kurrentdb://127.0.0.1:2113?tls=false", "where KurrentDB is")
	firstRun := flag.Bool("first-run", false, "begin at the start of the log if there is no checkpoint")
	n := flag.Uint("segments", 0, "share the events out in this number of segments, the same in all instances (default no sharing)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *url, *firstRun, int(*n))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "kurrentdb:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url string, firstRun bool, n int) error {
	config, err := kurrent.ParseConnectionString(url)
	if err != nil {
		return err
	}
	driver, err := sqlitestore.Open(ctx, "checkpoints.db", nil)
	if err != nil {
		return err
	}
	store := checkpoint.New(driver, nil)
	defer store.Close()
	log := &kurrentdb.Log{Config: config}
	if n == 0 {
		return consume(ctx, log, store, firstRun)
	}
	s := segments{
		log: log, store: store, n: n, firstRun: firstRun, handle: handle,
		group: group.Options{Logger: slog.Default()},
	}
	return s.run(ctx)
}

func consume(ctx context.Context, log *kurrentdb.Log, store *checkpoint.Store, firstRun bool) (err error) {
	opts := new(subscription.Options)
	if opts.LogID, err = log.ID(ctx); err != nil {
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

	after, _ := s.Resume() // the zero position is the start
	read := func(ctx context.Context) iter.Seq2[kurrentdb.Event, error] {
		return log.All(ctx, after, kurrent.SubscribeToAllOptions{Filter: kurrent.ExcludeSystemEventsFilter()})
	}
	return subscription.Run(ctx, s, read, subscription.Handler[kurrentdb.Event]{
		Position:    kurrentdb.Event.Position,
		Ignore:      kurrentdb.Event.IsEmpty,
		OrderingKey: kurrentdb.Event.StreamID,
		Handle:      handle,
		Workers:     8,
		Retry:       subscription.Backoff(time.Second, time.Minute, 5),
	})
}

// handle is the work: here, a line of the log.
func handle(ctx context.Context, e kurrentdb.Event) error {
	original := e.OriginalEvent()
	slog.InfoContext(ctx, "event", "type", original.EventType, "stream", e.StreamID(), "position", e.Position())
	return nil
}
