// Redisstream reads orders from a Redis Stream, and keeps in SQLite what each
// customer has ordered. It counts every event exactly once, however often it is
// killed.
//
//	redisstream -first-run    # once: makes orders.db
//	redisstream               # from then on
//
// Three things ensure this:
//
//   - The read model and the checkpoint are in one file, and one transaction
//     writes both: see [projection.apply]. Either an event has taken effect and
//     the checkpoint says so, or neither is true.
//   - Before the transaction changes anything, it checks whether the event has
//     taken effect already. So a commit whose outcome is unknown may be tried
//     again, and a second instance does no harm.
//   - Only -first-run begins at the start of the stream. Afterwards a lost or
//     damaged database is an error, and not a reason to begin anew. So is a
//     stream that is behind the checkpoint, or was trimmed past the last event
//     that was read.
//
// The subscription does the rest: it resumes, keeps the order, retries, and
// ends in order on SIGTERM. There is one worker: if several events were in
// work, one checkpoint could not tell which of them have taken effect.
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

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
	"github.com/checkpointstore/checkpoint/subscription"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "redisstream:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("redisstream", flag.ContinueOnError)
	addr := flags.String("redis", "127.0.0.1:6379", "host:port of Redis")
	stream := flags.String("stream", "orders", "the stream to read")
	path := flags.String("db", "orders.db", "the SQLite file of the read model and the checkpoint")
	firstRun := flags.Bool("first-run", false, "make the read model, and begin at the start of the stream")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: *addr})
	defer client.Close()
	driver, err := sqlitestore.Open(ctx, *path, nil)
	if err != nil {
		return err
	}
	store := checkpoint.New(driver, nil)
	defer store.Close()
	model, err := openProjection(ctx, *path, *firstRun)
	if err != nil {
		return err
	}
	defer model.db.Close()

	s, err := subscription.Open(ctx, store, key, &subscription.Options{
		Missing:         subscription.Refuse, // the first run has made one
		StoredByHandler: true,                // by apply
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()
	after, _ := s.Resume()
	if err := checkStream(ctx, client, *stream, after); err != nil {
		return err
	}
	read := func(ctx context.Context) iter.Seq2[event, error] { return events(ctx, client, *stream, after) }
	return subscription.Run(ctx, s, read, subscription.Handler[event]{
		Position: func(e event) checkpoint.Position { return e.position },
		Handle:   model.apply,
		Retry:    subscription.Backoff(200*time.Millisecond, 5*time.Second, 5),
	})
}
