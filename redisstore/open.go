package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// ErrURL says that [Open] cannot use a URL, or cannot use it with the given Options.
// Open has then sent nothing.
var ErrURL = errors.New("it is not the URL of a Redis")

// A urlError is an [ErrURL] with the text of its reason.
type urlError struct{ error }

func (e urlError) Is(target error) bool { return target == ErrURL }

func (e urlError) Unwrap() error { return e.error }

// Open connects to the Redis at rawURL, and checks that it answers. The driver's Close
// closes the connections. No error shows a password.
//
// The URL is redis://[user:password@]host:port[/database], rediss:// for TLS,
// or unix://[user:password@]/path/to/socket[?db=database]. In its query
//
//   - namespace stands for Options.Namespace, prefix for Options.Prefix,
//     min_replicas=1 for Options.MinReplicas, fsync_aof=true for Options.FsyncAOF,
//     replica_timeout=1s for Options.ReplicaTimeout, separate_calls=true for
//     Options.SeparateCalls, no_shortcuts=true for Options.NoShortcuts, and accept_eviction=true for Options.AcceptEviction;
//   - cluster=true says that host:port, and each addr=host:port, is a node of a
//     cluster;
//   - master_name=name says that host:port, and each addr=host:port, is a Sentinel
//     of that master. user and password are then the Sentinels';
//     username=user and password=password are the master's;
//   - the other parameters are those of redis.ParseURL, redis.ParseClusterURL and
//     redis.ParseFailoverURL of go-redis. Without protocol=3 the protocol is RESP2.
//
// For any other URL the error is [ErrURL].
func Open(ctx context.Context, rawURL string, opts *Options) (*Driver, error) {
	target, err := parseURL(rawURL, opts)
	if err != nil {
		return nil, urlError{err}
	}
	client := target.client()
	d, err := New(client, target.opts)
	if err != nil {
		_ = client.Close()
		return nil, urlError{err}
	}
	d.pipelines.owned = true
	if err := d.ready(ctx); err != nil {
		_ = d.Close()
		if errors.As(err, new(unfitError)) {
			return nil, err
		}
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", cause, err) // go-redis came first
		}
		return nil, fmt.Errorf("redisstore: cannot reach Redis at %s: %w", target.addr, err)
	}
	return d, nil
}

// NewClient returns the client that [Open] would make for rawURL, and opts with what the
// URL's query adds. It sends nothing. The caller closes the client. If the URL cannot be
// used, the error is [ErrURL].
func NewClient(rawURL string, opts *Options) (redis.UniversalClient, *Options, error) {
	target, err := parseURL(rawURL, opts)
	if err != nil {
		return nil, nil, urlError{err}
	}
	return target.client(), target.opts, nil
}
