// Postgres handles the rows of an outbox, or the changes of a logical replication slot,
// at least once. docs/recipes.md explains both.
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

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
	"github.com/checkpointstore/checkpoint/subscription"
)

func main() {
	url := flag.String("postgres", "postgres://127.0.0.1/postgres", "where PostgreSQL is")
	slot := flag.String("slot", "", "the logical replication slot to read, in place of the table outbox")
	firstRun := flag.Bool("first-run", false, "begin at the start if there is no checkpoint")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *url, *slot, *firstRun)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "postgres:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, slot string, firstRun bool) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	driver, err := sqlitestore.Open(ctx, "checkpoints.db", nil)
	if err != nil {
		return err
	}
	store := checkpoint.New(driver, nil)
	defer store.Close()
	return consume(ctx, conn, store, slot, firstRun, handle)
}

// An event is a row of the outbox, or a change of a slot.
type event struct {
	position checkpoint.Position
	body     string
	commit   bool // the end of a slot's transaction, which carries no work
}

func consume(
	ctx context.Context, conn *pgx.Conn, store *checkpoint.Store, slot string, firstRun bool, handle func(context.Context, event) error,
) (err error) {
	opts := new(subscription.Options)
	if opts.LogID, err = logID(ctx, conn); err != nil {
		return err
	}
	if firstRun {
		opts.Missing = subscription.FromStart
	}
	s, err := subscription.Open(ctx, store, "postgres/"+slot, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()

	after, _ := s.Resume() // the zero position is the start
	stored := func() checkpoint.Position { return s.Stats().Stored }
	read := func(ctx context.Context) iter.Seq2[event, error] {
		if slot != "" {
			return changes(ctx, conn, slot, after, stored)
		}
		return outbox(ctx, conn, after)
	}
	return subscription.Run(ctx, s, read, subscription.Handler[event]{
		Position: func(e event) checkpoint.Position { return e.position },
		Ignore:   func(e event) bool { return e.commit },
		Handle:   handle,
	})
}

// logID names the cluster of databases, and the database. A cluster that was restored from
// a dump counts its log anew, and has another name. So has a cluster that pg_upgrade made.
// The databases of a cluster share its count, but each has its own outbox.
func logID(ctx context.Context, conn *pgx.Conn) (id string, err error) {
	err = conn.QueryRow(ctx, "SELECT format('%s/%s', system_identifier, oid)"+
		" FROM pg_control_system(), pg_database WHERE datname = current_database()").Scan(&id)
	return id, err
}

// handle is the work: here, a line of the log.
func handle(ctx context.Context, e event) error {
	slog.InfoContext(ctx, "event", "position", e.position, "body", e.body)
	return nil
}

// pause waits between two looks, or until ctx ends.
func pause(ctx context.Context) {
	select {
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
	}
}
