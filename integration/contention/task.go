package contention

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/pgstore"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A task is what an instance is started to do.
type task struct {
	Store        string // a URL of PostgreSQL, host:port of a Redis, or the path of an SQLite file
	Key          string
	Owner        string
	File         string // for its records
	TTL          time.Duration
	Timeout      time.Duration // of one call of Redis
	FlushTimeout time.Duration
	Workers      int
	Work         time.Duration // the most that a handler takes
	Sabotage     string        // the name of one of the saboteurs, or ""
}

func (t *task) options() *subscription.Options {
	return &subscription.Options{
		Missing:      subscription.FromStart,
		FlushEvery:   20,
		FlushAfter:   10 * time.Millisecond,
		FlushTimeout: t.FlushTimeout,
		MaxInFlight:  16 * t.Workers,
		Lease:        &subscription.Lease{Owner: t.Owner, TTL: t.TTL, Wait: true},
	}
}

type leasingDriver interface {
	driver.Driver
	driver.Leaser
}

// openDriver returns besides what to call after the driver's Close.
func openDriver(ctx context.Context, store string, timeout time.Duration) (leasingDriver, func() error, error) {
	none := func() error { return nil }
	switch {
	case strings.HasSuffix(store, ".db"):
		d, err := sqlitestore.Open(ctx, store, nil)
		return d, none, err
	case strings.HasPrefix(store, "postgres://"):
		d, err := pgstore.Open(ctx, store, &pgstore.Options{AutoMigrate: true})
		return d, none, err
	}
	client := redis.NewClient(&redis.Options{Addr: store, DialTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout})
	d, err := redisstore.New(client, nil)
	return d, client.Close, err
}

// serverOf returns the address of the server of a store, or "" if it has none.
func serverOf(store string) string {
	if strings.HasSuffix(store, ".db") {
		return ""
	}
	if u, err := url.Parse(store); err == nil && u.Host != "" {
		return u.Host
	}
	return store
}

// failures records each failure to store the checkpoint.
type failures struct{ records *recorder }

func (f failures) CallEnd(_ context.Context, call checkpoint.Call, result checkpoint.CallResult) {
	if call.Op == "setIfNewer" && result.Err != nil {
		_ = f.records.add(record{What: failing, Why: result.Err.Error()}) // it is only a hint for the supervisor
	}
}
