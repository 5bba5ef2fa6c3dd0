// Package redisstore keeps checkpoints in Redis or Valkey: standalone, behind
// Sentinel, or in a Cluster. The layout is written down in docs/redis.md.
package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

// Options configures a [Driver]. A nil *Options is the zero Options.
type Options struct {
	// Namespace stands before every key, and keeps environments apart: "prod:".
	// It may hold any characters but control characters, and at most 512 bytes;
	// those that mean something in a pattern mean themselves. Avoid one that
	// holds "checkpoint:" or "checkpoint-fence:": it would lie within another.
	Namespace string

	// Prefix, where set, is all that stands before the key, in place of
	// Namespace and "checkpoint:". It is for reading, and moving on from,
	// another layout: writes with an epoch, and leases, fail, since there is no
	// place for its fences. It excludes Namespace.
	Prefix string

	// MinReplicas is how many replicas must have a change before the call that
	// made it succeeds: a write, a deletion, or a lease. Where it is the number
	// of all replicas, a failover loses no change that was acknowledged. A change
	// that too few have in time stays on the master, and is an error; of a write
	// the outcome is then Unknown. Zero: none. It needs a *redis.Client or a
	// *redis.ClusterClient, and each call takes connections of its own.
	MinReplicas int

	// ReplicaTimeout is how long to wait for MinReplicas. It must be below the
	// client's ReadTimeout. Zero: 1 second.
	ReplicaTimeout time.Duration

	// AcceptEviction allows servers that remove any key when their memory is full
	// (maxmemory-policy allkeys-...). Otherwise Open and every call refuse them.
	// Checkpoints, fences and leases may then vanish without an error: a consumer
	// finds no checkpoint, a former owner's write is accepted, and two owners may
	// hold one lease until the next renewal of either.
	AcceptEviction bool

	// Logger receives a warning, once, if checkpoints may vanish all the same: by
	// a volatile-... policy before the end of their TTL, by an accepted one, or
	// because a server does not tell its policy. Nil: slog.Default().
	Logger *slog.Logger
}

// Driver is a [driver.Driver] over Redis. Concurrent calls are combined into
// pipelines.
type Driver struct {
	client    redis.UniversalClient
	owned     bool // whether Close closes the client
	namespace string
	prefix    string // of the keys of checkpoints
	fenced    bool   // whether this layout has fences
	replicas  replicas
	invalid   error // what is wrong with the options
	combiner  combiner
	turns     turns // of walks
	eviction  eviction
	lastStamp atomic.Pointer[stamp]
	closed    atomic.Bool
}

var _ driver.Driver = (*Driver)(nil)

// New returns a driver over client, which stays the caller's: how it connects,
// authenticates and finds the master is theirs to configure, and Close leaves
// it open. Invalid options are the error of every call, and so are a cluster
// client that reads from replicas or has ClusterSlots, as that of
// redis.NewFailoverClusterClient, and a Ring. The keys of a cluster need a
// cluster client. Scan, GetAll and Clear need a pool of two connections or more:
// see [Driver.Scan].
func New(client redis.UniversalClient, opts *Options) *Driver {
	if client == nil {
		panic("redisstore: New with a nil client")
	}
	if opts == nil {
		opts = new(Options)
	}
	d := &Driver{client: client, namespace: opts.Namespace, invalid: opts.validate(), turns: newTurns(client)}
	d.combiner.client = client
	d.eviction.accepted, d.eviction.log = opts.AcceptEviction, cmp.Or(opts.Logger, slog.Default())
	if d.invalid == nil {
		d.invalid = validateClient(client)
	}
	if d.invalid == nil {
		d.replicas, d.invalid = opts.validateReplicas(client)
	}
	d.prefix, d.fenced = opts.Namespace+"checkpoint:", true
	if opts.Prefix != "" {
		d.prefix, d.fenced = opts.Prefix, false
	}
	return d
}

// validateClient refuses clients that would let a failing store look empty.
func validateClient(client redis.UniversalClient) error {
	switch c := client.(type) {
	case *redis.ClusterClient:
		if c.Options().ReadOnly {
			return errReplicas
		}
		if c.Options().ClusterSlots != nil {
			return errors.New("redisstore: a cluster client with ClusterSlots, as NewFailoverClusterClient makes it, may lead to " +
				"servers that are no cluster, whose replicas answer as if there were nothing: use NewFailoverClient for Sentinels")
		}
	case *redis.Ring:
		return errors.New("redisstore: a Ring sends the keys of a server that is down to another, " +
			"which knows nothing of them: use a cluster, or Sentinels")
	}
	return nil
}

const maxNamespaceBytes = 512

func (o *Options) validate() error {
	if o.Prefix != "" && o.Namespace != "" {
		return errors.New("redisstore: Namespace and Prefix exclude each other: Prefix is all that stands before the key")
	}
	for name, s := range map[string]string{"Namespace": o.Namespace, "Prefix": o.Prefix} {
		switch {
		case len(s) > maxNamespaceBytes:
			return fmt.Errorf("redisstore: %s has %d bytes, at most %d are allowed", name, len(s), maxNamespaceBytes)
		case !utf8.ValidString(s):
			return fmt.Errorf("redisstore: %s %q is not valid UTF-8", name, s)
		}
		for i, r := range s {
			if unicode.IsControl(r) {
				return fmt.Errorf("redisstore: %s %q has the control character %U at byte %d", name, s, r, i)
			}
		}
	}
	return nil
}

// Name returns "Redis".
func (d *Driver) Name() string { return "Redis" }

// Close closes the client if [Open] made it.
func (d *Driver) Close() error {
	if d.closed.Swap(true) || !d.owned {
		return nil
	}
	return d.client.Close()
}

// ready says why a call must not reach Redis at all.
func (d *Driver) ready(ctx context.Context) error {
	switch {
	case d.closed.Load():
		return driver.ErrClosed
	case d.invalid != nil:
		return d.invalid
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return d.eviction.check(ctx, d.client)
}
