// Package etcdstore keeps checkpoints in etcd, version 3.5 and later. A change that was
// acknowledged is on a majority of the members: no failover loses it. The layout is
// written down in docs/etcd.md.
package etcdstore

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

// Options configures a [Driver]. A nil *Options is the zero Options.
type Options struct {
	// Prefix stands before every etcd key of the driver, and keeps environments apart:
	// "prod/". It must end with "/". It may hold any characters except control
	// characters, and at most 512 bytes. Do not put one prefix inside another, such as
	// "prod/" and "prod/checkpoint/": one store would find the other's keys. Empty:
	// "checkpoint/".
	Prefix string

	// NoShortcuts turns off a shortcut: the driver's own decoder for checkpoints that it
	// has written. Then the JSON decoder reads each checkpoint, which is slower.
	// The answers are the same. Use NoShortcuts to find out whether a fault comes from the
	// shortcut.
	NoShortcuts bool

	// Logger receives one warning if etcd refuses what [Driver.LeaseEnds] needs. Nil:
	// slog.Default().
	Logger *slog.Logger
}

// Driver is a [driver.Driver] over etcd, with every ability except [driver.LeaseReader].
// Calls that wait at the same time share transactions.
type Driver struct {
	client      *clientv3.Client
	once        clientv3.KV // sends no transaction twice
	owned       bool        // whether Close closes the client
	prefix      string
	noShortcuts bool
	minimum     atomic.Int64  // the shortest TTL, in nanoseconds
	cluster     atomic.Uint64 // the ID of the cluster that answered first
	memory      memory
	queue       queue
	terms       terms
	waiters     *driver.Waiters
	log         *slog.Logger
	root        context.Context // ends with Close
	stop        context.CancelFunc
}

var (
	_ driver.Driver        = (*Driver)(nil)
	_ driver.Leaser        = (*Driver)(nil)
	_ driver.Inspector     = (*Driver)(nil)
	_ driver.Fencer        = (*Driver)(nil)
	_ driver.RecordScanner = (*Driver)(nil)
	_ driver.Namer         = (*Driver)(nil)
)

// remembered is how many keys a driver remembers.
const remembered = 10_000

// New returns a driver over client. The caller keeps the client, and configures how it
// connects and authenticates. Close leaves it open.
func New(client *clientv3.Client, opts *Options) (*Driver, error) {
	if opts == nil {
		opts = new(Options)
	}
	prefix := cmp.Or(opts.Prefix, defaultPrefix)
	if err := checkPrefix(prefix); err != nil {
		return nil, err
	}
	d := &Driver{client: client, once: newOnceKV(client), prefix: prefix, noShortcuts: opts.NoShortcuts, log: cmp.Or(opts.Logger, slog.Default())}
	d.waiters = driver.NewWaiters(d.listen)
	d.minimum.Store(int64(minimum))
	d.memory.limit = remembered
	d.queue.busy = make(map[string]bool)
	d.terms = terms{granting: make(chan struct{}, 1), byTTL: make(map[time.Duration]term)}
	d.root, d.stop = context.WithCancel(context.Background())
	return d, nil
}

const (
	defaultPrefix  = "checkpoint/"
	maxPrefixBytes = 512
)

func checkPrefix(prefix string) error {
	switch {
	case !strings.HasSuffix(prefix, "/"):
		return fmt.Errorf("etcdstore: Prefix %q does not end with a slash: write %q", prefix, prefix+"/")
	case len(prefix) > maxPrefixBytes:
		return fmt.Errorf("etcdstore: Prefix has %d bytes, at most %d are allowed", len(prefix), maxPrefixBytes)
	case !utf8.ValidString(prefix) || strings.ContainsFunc(prefix, unicode.IsControl):
		return fmt.Errorf("etcdstore: Prefix %q is not valid UTF-8 without control characters", prefix)
	}
	return nil
}

// Name returns "etcd".
func (d *Driver) Name() string { return "etcd" }

// Close ends the changes that are under way with [driver.ErrClosed]. A read or a report
// that is under way ends with this error, too, or with its answer. Close closes the
// client if [Open] made it.
func (d *Driver) Close() error {
	d.queue.mu.Lock() // no flight begins from here on
	d.stop()
	d.queue.mu.Unlock()
	d.queue.flown.Wait()
	d.waiters.Close()
	if !d.owned {
		return nil
	}
	return d.client.Close()
}

// ready returns an error if a call must not reach etcd at all.
func (d *Driver) ready(ctx context.Context) error {
	if d.root.Err() != nil {
		return driver.ErrClosed
	}
	return ctx.Err()
}
