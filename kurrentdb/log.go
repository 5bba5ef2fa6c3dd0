// Package kurrentdb reads KurrentDB's $all and its streams through the official
// client, github.com/kurrent-io/KurrentDB-Client-Go, for consumers that keep their
// own checkpoints. It works with v1.1 and v1.4 of the client.
package kurrentdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"

	kurrent "github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"

	"github.com/checkpointstore/checkpoint"
)

// A Log is a KurrentDB that a consumer reads. Its methods may be called at the same
// time.
type Log struct {
	// Config says where KurrentDB is. Each method, and each connection of a reader,
	// opens a client of its own with Config, and closes that client: a client of v1.1
	// or v1.4 does not close the connections that it has lost. Required.
	Config *kurrent.Configuration

	// Logger gets a line if a connection is lost, and if a reader has caught up.
	// Nil: slog.Default().
	Logger *slog.Logger

	id atomic.Pointer[string] // nil: ID was not called
}

// All reads the events of $all that come after the given position. The zero
// position is before all events. The user that reads $all must be an admin of
// KurrentDB.
//
// All sets From of opts, and passes the other options on. If a connection is lost, All
// connects again and goes on after the last event. It ends with the cause of ctx, with
// [ErrOrder], with [ErrOtherLog], or if KurrentDB denies the access, does not know the
// request, or has deleted the stream. After any other error it tries again, even if opts
// are wrong.
func (l *Log) All(
	ctx context.Context, after checkpoint.Position, opts kurrent.SubscribeToAllOptions,
) iter.Seq2[Event, error] {
	subscribe := func(ctx context.Context, client *kurrent.Client, after checkpoint.Position) (*kurrent.Subscription, error) {
		opts := opts
		opts.From = kurrent.Start{} // a nil From is the end
		if after != (checkpoint.Position{}) {
			opts.From = kurrent.Position(after) // a pointer would compile, and select no position
		}
		return client.SubscribeToAll(ctx, opts)
	}
	position := func(e *kurrent.RecordedEvent) checkpoint.Position { return checkpoint.Position(e.Position) }
	return l.read(ctx, after, subscribe, position)
}

// Stream reads one stream as [Log.All] reads $all. The event of revision n has the
// position {n+1, n+1}, since the zero position is before everything. If commit and
// prepare of the given position differ, Stream yields an error.
func (l *Log) Stream(
	ctx context.Context, name string, after checkpoint.Position, opts kurrent.SubscribeToStreamOptions,
) iter.Seq2[Event, error] {
	if after.Commit != after.Prepare {
		return func(yield func(Event, error) bool) {
			yield(Event{}, fmt.Errorf("kurrentdb: %s is no position of stream %q", after, name))
		}
	}
	subscribe := func(ctx context.Context, client *kurrent.Client, after checkpoint.Position) (*kurrent.Subscription, error) {
		opts := opts
		opts.From = kurrent.Start{}
		if after.Commit > 0 {
			opts.From = kurrent.Revision(after.Commit - 1)
		}
		return client.SubscribeToStream(ctx, name, opts)
	}
	position := func(e *kurrent.RecordedEvent) checkpoint.Position {
		return checkpoint.Position{Commit: e.EventNumber + 1, Prepare: e.EventNumber + 1}
	}
	return l.read(ctx, after, subscribe, position)
}

func (l *Log) read(
	ctx context.Context, after checkpoint.Position, subscribe subscribeFunc, position func(*kurrent.RecordedEvent) checkpoint.Position,
) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		r := &reader{log: l, subscribe: subscribe, position: position, last: after, yield: yield}
		if id := l.id.Load(); id != nil {
			r.id = *id
		}
		r.run(ctx)
	}
}

func (l *Log) logger() *slog.Logger { return cmp.Or(l.Logger, slog.Default()) }

func (l *Log) connect() (*kurrent.Client, error) {
	if l.Config == nil {
		return nil, errors.New("kurrentdb: Log.Config is nil")
	}
	return kurrent.NewClient(l.Config)
}
