// Redisstream reads orders from Redis Streams, and keeps in SQLite what each
// customer has ordered. It counts every event exactly once, however often it is
// killed. Several instances on one machine share the streams out among themselves.
//
//	redisstream -streams eu,us -first-run    # once: makes orders.db
//	redisstream -streams eu,us               # every other instance, and from then on
//
// Four things ensure this:
//
//   - The read model and the checkpoints are in one file, and one transaction
//     writes both: see [projection.apply]. Either an event has taken effect and
//     the checkpoint says so, or neither is true.
//   - Before the transaction changes anything, it checks whether the event has
//     taken effect already. So a commit whose outcome is unknown may be tried
//     again.
//   - Each stream has a lease, and one instance at a time handles its events. The
//     transaction checks the lease's epoch, so an instance that has lost the lease
//     changes nothing.
//   - Only -first-run begins at the start of the streams. Afterwards a lost or
//     damaged database is an error, and not a reason to begin anew. So is a
//     stream that is behind its checkpoint, or was trimmed past the last event
//     that was read. Any of these ends the instance.
//
// The subscription of each stream does the rest: it resumes, keeps the order,
// retries, and ends in order on SIGTERM or if another instance shall have the stream.
// A stream has one worker: if several of its events were in work, one checkpoint could
// not tell which of them have taken effect.
//
// To add a stream later, store its checkpoint ("checkpoint set revenue/asia 0"), and
// start the instances with the longer list.
package main

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
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

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("redisstream", flag.ContinueOnError)
	addr := flags.String("redis", "127.0.0.1:6379", "host:port of Redis")
	streams := flags.String("streams", "orders", "the streams to read, with commas between them, the same in all instances")
	path := flags.String("db", "orders.db", "the SQLite file of the read model and the checkpoints")
	firstRun := flags.Bool("first-run", false, "make the read model, and begin at the start of the streams")
	member := flags.String("member", "", "the name of this instance, which gets its streams back if it starts again within -ttl (default a unique name)")
	ttl := flags.Duration("ttl", 15*time.Second, "how long the streams of an instance that has died are idle")
	if err := flags.Parse(args); err != nil {
		return err
	}
	names := strings.Split(*streams, ",")
	client := redis.NewClient(&redis.Options{Addr: *addr, PoolSize: len(names) + 10}) // each reader blocks a connection
	defer client.Close()
	driver, err := sqlitestore.Open(ctx, *path, nil)
	if err != nil {
		return err
	}
	store := checkpoint.New(driver, nil)
	defer store.Close()
	model, err := openProjection(ctx, *path, names, *firstRun)
	if err != nil {
		return err
	}
	defer model.db.Close()

	shared := subscription.NewShared(1000, 4) // SQLite has one writer at a time
	return group.Run(ctx, store, groupName, group.Fixed(names...), &group.Options{
		Member: *member,
		TTL:    *ttl,
		Subscription: func(string) subscription.Options {
			return subscription.Options{
				Missing:         subscription.Refuse, // the first run has made one
				StoredByHandler: true,                // by apply
			}
		},
		Failed: func(string, int, error) (time.Duration, bool) { return 0, false }, // the instance ends
	}, func(ctx context.Context, stream string, s *subscription.Subscription) error {
		return consume(ctx, client, model, shared, stream, s)
	})
}

// consume handles the events of a stream until the stream is to move.
func consume(
	ctx context.Context, client *redis.Client, model *projection, shared *subscription.Shared,
	stream string, s *subscription.Subscription,
) error {
	after, _ := s.Resume()
	if err := checkStream(ctx, client, stream, after); err != nil {
		return err
	}
	read := func(ctx context.Context) iter.Seq2[event, error] { return events(ctx, client, stream, after) }
	return subscription.Run(ctx, s, read, subscription.Handler[event]{
		Position: func(e event) checkpoint.Position { return e.position },
		Handle:   func(ctx context.Context, e event) error { return model.apply(ctx, stream, s.Epoch(), e) },
		Shared:   shared,
		Retry:    subscription.Backoff(200*time.Millisecond, 5*time.Second, 5),
	})
}
