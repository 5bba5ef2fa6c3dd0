// Package offsets runs a consumer of a log whose first event is at offset 0, such as
// a Kafka partition, on every engine: no event is skipped, and none that was stored
// as done is repeated.
package offsets

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/pgstore"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
	"github.com/checkpointstore/checkpoint/subscription"
)

const key = "orders/3"

var engines = map[string]func(*testing.T) (driver.Driver, error){
	"memstore": func(*testing.T) (driver.Driver, error) { return memstore.New(), nil },
	"sqlitestore": func(t *testing.T) (driver.Driver, error) {
		t.Helper()
		return sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "checkpoints.db"), nil)
	},
	"pgstore": func(t *testing.T) (driver.Driver, error) {
		t.Helper()
		return pgstore.Open(t.Context(), pgtest.Shared(t).NewDatabase(), &pgstore.Options{AutoMigrate: true})
	},
	"redisstore": func(t *testing.T) (driver.Driver, error) {
		t.Helper()
		client := redis.NewClient(&redis.Options{Addr: redistest.Start(t).Addr()})
		t.Cleanup(func() { client.Close() })
		return redisstore.New(client, nil)
	},
}

func TestLogFromOffsetZero(t *testing.T) {
	for name, open := range engines {
		for _, missing := range []subscription.Missing{subscription.FromStart, subscription.FromHead} {
			t.Run(name, func(t *testing.T) {
				d, err := open(t)
				if err != nil {
					t.Fatal(err)
				}
				store := checkpoint.New(d, nil)
				defer store.Close()
				l := partition{T: t, store: store, missing: missing}
				l.handles() // the first run, of an empty partition
				l.missing = subscription.Refuse
				l.handles()
				l.next = 2
				l.handles(0, 1)
				l.handles()
				l.rewinds("0")
				l.handles(0, 1)
				l.next = 4
				l.rewinds("offset:0")
				l.handles(1, 2, 3)

				l.first = 4 // everything is handled, and removed
				l.handles()
				l.next = 6
				l.handles(4, 5)
				l.first, l.next = 8, 9
				l.isTrimmed()
			})
		}
	}
}

// A partition has the events at the offsets from first to before next.
type partition struct {
	*testing.T
	store       *checkpoint.Store
	missing     subscription.Missing
	first, next uint64
}

func (l *partition) read(_ context.Context, after checkpoint.Position) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		n := l.first
		if last, ok := after.Offset(); ok {
			n = max(n, last+1)
		}
		for ; n < l.next && yield(n, nil); n++ {
		}
	}
}

// consume returns the offsets that one run handles.
func (l *partition) consume() (handled []uint64, err error) {
	err = subscription.Consume(l.Context(), l.store, key, &subscription.Options{
		Missing: l.missing,
		Lease:   new(subscription.Lease),
		Head:    func(context.Context) (checkpoint.Position, error) { return checkpoint.Offset(l.next - 1), nil },
		Tail:    func(context.Context) (checkpoint.Position, error) { return checkpoint.Offset(l.first), nil },
	}, l.read, subscription.Handler[uint64]{
		Position: checkpoint.Offset,
		Handle: func(_ context.Context, n uint64) error {
			handled = append(handled, n)
			return nil
		},
	})
	return handled, err
}

func (l *partition) handles(want ...uint64) {
	l.Helper()
	if handled, err := l.consume(); err != nil || !slices.Equal(handled, want) {
		l.Fatalf("handled %v, %v; want %v", handled, err, want)
	}
}

func (l *partition) isTrimmed() {
	l.Helper()
	if handled, err := l.consume(); !errors.Is(err, subscription.ErrTrimmed) || handled != nil {
		l.Fatalf("handled %v, %v; want ErrTrimmed", handled, err)
	}
}

func (l *partition) rewinds(to string) {
	l.Helper()
	p, err := checkpoint.ParsePosition(to)
	if err == nil {
		_, err = l.store.Rewind(l.Context(), key, p)
	}
	if err != nil {
		l.Fatal(err)
	}
}
