// Readmodel reads the table orders of one PostgreSQL, and keeps in another one what each
// customer has ordered. It counts every order exactly once, however often it is killed and
// however many instances run.
//
//	readmodel -first-run    # once: makes the tables
//	readmodel               # from then on
//
// Two things ensure this:
//
//   - One transaction writes the read model and the checkpoint: see [model.apply]. Either
//     an order has taken effect and the checkpoint says so, or neither is true.
//   - The checkpoint carries the epoch of the lease. An instance that has lost its lease
//     cannot commit.
//
// There is one worker: if several orders were in work, one checkpoint could not tell which
// of them have taken effect.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/pgstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

func main() {
	source := flag.String("source", "postgres://127.0.0.1/orders", "the database that has the table orders")
	url := flag.String("model", "postgres://127.0.0.1/model", "the database of the read model and the checkpoint")
	firstRun := flag.Bool("first-run", false, "make the tables, and begin at the first order")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *source, *url, *firstRun)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "readmodel:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, source, url string, firstRun bool) (err error) {
	log, err := pgx.Connect(ctx, source)
	if err != nil {
		return err
	}
	defer log.Close(context.WithoutCancel(ctx))
	m, err := openModel(ctx, url, firstRun)
	if err != nil {
		return err
	}
	defer m.pool.Close()
	driver, err := pgstore.New(m.pool, nil)
	if err != nil {
		return err
	}
	store := checkpoint.New(driver, nil)
	defer store.Close()
	opts := &subscription.Options{StoredByHandler: true, Lease: &subscription.Lease{TTL: 10 * time.Second, Wait: true}}
	if opts.LogID, err = logID(ctx, log); err != nil {
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
	after, _ := s.Resume()
	read := func(ctx context.Context) iter.Seq2[order, error] { return orders(ctx, log, after) }
	return subscription.Run(ctx, s, read, subscription.Handler[order]{
		Position: func(o order) checkpoint.Position { return o.position },
		Handle:   func(ctx context.Context, o order) error { return m.apply(ctx, o, s.Epoch(), opts.LogID) },
		Retry:    subscription.Backoff(200*time.Millisecond, 5*time.Second, 5),
	})
}
