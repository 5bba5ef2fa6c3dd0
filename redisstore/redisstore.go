// Package redisstore keeps checkpoints in Redis 6.2 or later, or in Valkey: standalone,
// behind Sentinel, or in a Cluster. docs/redis.md describes the layout.
package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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
	// It may hold any characters except control characters, and at most 512 bytes;
	// characters that are special in a pattern stand for themselves. Braces must
	// make a whole hash tag, like {prod}:. Avoid a namespace that contains
	// "checkpoint:", "checkpoint-fence:", "checkpoint-audit:", "checkpoint-samples:" or
	// "checkpoint-reports:": its keys would lie within another namespace.
	Namespace string

	// Prefix, if set, is the whole text before the key, in place of Namespace and
	// "checkpoint:". Use it to read the checkpoints of another program, and to move them
	// to this store. The driver reads a string that is a bare number n as {n, n}.
	//
	// Do not write while the other program works: a write turns the string into a hash,
	// which that program may not be able to read. SetIfNewer and Touch take a bare number
	// for damaged, and fail with driver.ErrCorruptCheckpoint. The other program's layout
	// has no place for fences, so leases, rewinds, and writes with an epoch, fail. No
	// change leaves an audit entry or a sample.
	//
	// Prefix has at most 512 bytes, without control characters. If it is set, Namespace
	// must be empty.
	Prefix string

	// MinReplicas is how many replicas must have a change before the call that made the
	// change succeeds. Every change waits, except the reports of instances. If MinReplicas
	// is the number of all replicas, a failover loses no acknowledged change. If too few
	// replicas have a change in time, the call fails, but the change stays on the master:
	// the outcome of a write is then Unknown. In a cluster, a change to a slot that is on
	// its way to another node fails until the slot has arrived. Zero: none.
	MinReplicas int

	// FsyncAOF makes the same calls wait until their changes are on the master's disk, in
	// the append-only file, and on the disks of MinReplicas replicas. It needs
	// "appendonly yes", and Redis 7.2 or Valkey.
	FsyncAOF bool

	// ReplicaTimeout is how long a call waits for MinReplicas and FsyncAOF: a millisecond
	// or more, and less than the client's ReadTimeout. Zero: 1 second.
	ReplicaTimeout time.Duration

	// SeparateCalls sends the commands of each call in pipelines of their own.
	// Otherwise concurrent calls share pipelines, which is faster. A hook of the
	// client gets the context of a call only if no other call shares its
	// pipeline.
	SeparateCalls bool

	// NoShortcuts turns off three shortcuts: one call of a script makes several usual
	// writes, transactions read, and a call that is alone has a connection of its own. Each
	// write, and each read of up to 32 keys (in a cluster: of one key), is then a call of
	// its script, by the client's pools, which is slower. The answers are the same. Use
	// NoShortcuts to find out whether a fault comes from a shortcut.
	NoShortcuts bool

	// AcceptEviction allows servers that remove any key when their memory is full
	// (maxmemory-policy allkeys-...). Without it, Open and every call refuse such
	// servers. With it, checkpoints and fences may vanish without an error. If a
	// checkpoint vanishes, its consumer finds none. If a fence vanishes, the driver
	// accepts a former owner's write. The driver grants no leases on such servers.
	AcceptEviction bool

	// Logger gets one line if the server refuses to publish or to subscribe: then
	// nothing wakes a standby early. It gets one warning if checkpoints may vanish:
	// because a volatile-... policy may remove them before the end of their TTL,
	// because AcceptEviction allows a policy that removes any key, or because a server
	// does not tell its policy. Nil: slog.Default().
	Logger *slog.Logger
}

// Driver is a [driver.Driver] over Redis. Concurrent calls share pipelines.
type Driver struct {
	client    redis.UniversalClient
	namespace string
	prefix    string // of the keys of checkpoints
	fenced    bool   // whether the layout has fences
	pipelines pipelines
	masters   masters
	notifier  notifier
	lastStamp atomic.Pointer[stamp]
	bucket    atomic.Pointer[stamp]
	recent    *recent
	closed    atomic.Bool
}

var _ driver.Driver = (*Driver)(nil)

// New returns a driver over client, a *redis.Client or a *redis.ClusterClient. The
// caller keeps the client, and configures how it connects, authenticates and finds
// the master. Close leaves the client open. A cluster needs a cluster client.
//
// If a *redis.Client speaks RESP2 (Protocol: 2) and its pool has four connections or
// more, its drivers keep one of them until they are closed. Calls that are alone use it,
// which is faster. A hook that is added to the client later may miss these calls.
//
// For this connection, New adds a hook to the client, except if another driver of the
// client is open. The hook stays after Close. So do not make and close drivers of one
// client again and again. With SeparateCalls or NoShortcuts, there is no such connection,
// and New adds no hook.
//
// New refuses invalid options. It refuses a cluster client that reads from replicas, or
// that has ClusterSlots, such as the client of redis.NewFailoverClusterClient. It also
// refuses a Ring, and any other type, such as a type that embeds a client: turn the
// additions of that type into a hook of the client.
func New(client redis.UniversalClient, opts *Options) (*Driver, error) {
	if opts == nil {
		opts = new(Options)
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	d := &Driver{client: client, namespace: opts.Namespace, prefix: opts.Namespace + "checkpoint:", fenced: true, recent: newRecent()}
	if opts.Prefix != "" {
		d.prefix, d.fenced = opts.Prefix, false
	}
	readTimeout, err := d.pipelines.connect(client)
	if err != nil {
		return nil, err
	}
	if d.pipelines.confirm, err = opts.confirmation(readTimeout); err != nil {
		return nil, err
	}
	d.pipelines.confirm.key = d.nudgeKey
	d.pipelines.separate, d.pipelines.plain, d.pipelines.older = opts.SeparateCalls, opts.NoShortcuts, !d.fenced
	if d.pipelines.server != nil && !opts.NoShortcuts && !opts.SeparateCalls {
		d.pipelines.lane = laneOf(d.pipelines.server)
	}
	d.notifier.waiters, d.notifier.first = driver.NewWaiters(d.listen), make(chan struct{}, 1)
	d.masters.acceptEviction, d.masters.fsync, d.masters.log = opts.AcceptEviction, opts.FsyncAOF, cmp.Or(opts.Logger, slog.Default())
	return d, nil
}

// connect refuses clients with which a failing store could look empty.
func (p *pipelines) connect(client redis.UniversalClient) (readTimeout time.Duration, err error) {
	switch c := client.(type) {
	case *redis.Client:
		p.server = c
		return c.Options().ReadTimeout, nil
	case *redis.ClusterClient:
		if c.Options().ReadOnly {
			return 0, errReplicas
		}
		if c.Options().ClusterSlots != nil {
			return 0, errors.New("redisstore: a cluster client with ClusterSlots, such as one of NewFailoverClusterClient, may ask " +
				"servers that are not a cluster, and their replicas answer as if nothing were stored: use NewFailoverClient for Sentinels")
		}
		p.cluster = c
		return c.Options().ReadTimeout, nil
	case *redis.Ring:
		return 0, errors.New("redisstore: a Ring sends the keys of a server that is down to another server, " +
			"which does not have them: use a cluster, or Sentinels")
	}
	return 0, fmt.Errorf("redisstore: a %T is neither a *redis.Client nor a *redis.ClusterClient: "+
		"pass the client that it wraps, and turn its additions into a hook", client)
}

const maxNamespaceBytes = 512

func (o *Options) validate() error {
	if o.Prefix != "" && o.Namespace != "" {
		return errors.New("redisstore: Namespace and Prefix are both set: leave one out; Prefix is everything before the key")
	}
	if _, whole := hashTag(o.Namespace); strings.ContainsAny(o.Namespace, "{}") && !whole {
		return fmt.Errorf("redisstore: Namespace %q has a brace that belongs to no hash tag: "+
			"leave it out, or write a whole tag like {prod}", o.Namespace)
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
	if d.closed.Swap(true) {
		return nil
	}
	d.notifier.waiters.Close()
	if d.pipelines.lane != nil {
		d.pipelines.lane.leave()
	}
	if !d.pipelines.owned {
		return nil
	}
	return d.client.Close()
}

// ready returns an error if a call must not reach Redis at all.
func (d *Driver) ready(ctx context.Context) error {
	switch {
	case d.closed.Load():
		return driver.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return d.masters.check(ctx, &d.pipelines)
}
