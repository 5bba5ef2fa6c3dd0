package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Open connects to the Redis at rawURL, and checks that it answers. Closing
// the driver closes the connections. No error shows a password.
//
// The URL is redis://[user:password@]host:port[/database], rediss:// for TLS,
// or unix://[user:password@]/path/to/socket[?db=database]. In its query
//
//   - namespace stands for Options.Namespace, prefix for Options.Prefix,
//     min_replicas=1 for Options.MinReplicas, fsync_aof=true for Options.FsyncAOF,
//     replica_timeout=1s for Options.ReplicaTimeout, separate_calls=true for
//     Options.SeparateCalls, and accept_eviction=true for Options.AcceptEviction;
//   - cluster=true makes host:port, and further addr=host:port, the first known
//     nodes of a cluster;
//   - master_name=name makes them the Sentinels of that master, and user and
//     password theirs; username=user and password=password are the master's;
//   - and there may be what redis.ParseURL, redis.ParseClusterURL and
//     redis.ParseFailoverURL of go-redis understand.
func Open(ctx context.Context, rawURL string, opts *Options) (*Driver, error) {
	target, err := parseURL(rawURL, opts)
	if err != nil {
		return nil, err
	}
	client := target.client()
	d, err := New(client, target.opts)
	if err != nil {
		_ = client.Close()
		return nil, err
	}
	d.owned = true
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

// A target is what a URL names.
type target struct {
	opts   *Options
	addr   string
	client func() redis.UniversalClient
}

func parseURL(rawURL string, opts *Options) (target, error) {
	u, err := url.Parse(rawURL)
	if err != nil || strings.Contains(rawURL, "#") {
		return target{}, errMalformed
	}
	merged := new(Options)
	if opts != nil {
		*merged = *opts
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return target{}, errQuery // Query would leave out what it cannot read: a namespace, too
	}
	for name, field := range map[string]*string{"namespace": &merged.Namespace, "prefix": &merged.Prefix} {
		if !query.Has(name) {
			continue
		}
		value := query.Get(name)
		for _, other := range query[name][1:] {
			if other != value {
				return target{}, fmt.Errorf("redisstore: the URL says %s %q and %q", name, value, other)
			}
		}
		if *field != "" && *field != value {
			return target{}, fmt.Errorf("redisstore: the URL says %s %q, the Options say %q", name, value, *field)
		}
		*field = value
		query.Del(name)
	}
	if err := errors.Join(merged.takeConfirmation(query), takeBool(query, "accept_eviction", &merged.AcceptEviction),
		takeBool(query, "separate_calls", &merged.SeparateCalls)); err != nil {
		return target{}, err
	}
	if n, err := strconv.Atoi(query.Get("pool_size")); err == nil && n < 0 {
		return target{}, errors.New("redisstore: pool_size in the URL is negative") // over which go-redis panics
	}
	if path := strings.Trim(u.Path, "/"); query.Has("db") && path != "" && u.Scheme != "unix" && query.Get("db") != path {
		return target{}, errTwoDatabases
	}
	cluster := query.Get("cluster") == "true"
	if cluster {
		query.Del("cluster")
	}
	u.RawQuery = query.Encode()
	t, err := connection(u, cluster)
	if err != nil {
		if n := strings.Count(rawURL, "@"); n > 1 || n == 1 && u.User == nil || query.Has("password") && hasBare(query) {
			return target{}, errMalformed
		}
		return target{}, fmt.Errorf("redisstore: malformed URL: %w", err)
	}
	t.opts = merged
	return t, nil
}

// hasBare reports whether there is an option without a value, as what stands
// behind an & in a password.
func hasBare(query url.Values) bool {
	for _, values := range query {
		if slices.Contains(values, "") {
			return true
		}
	}
	return false
}

func connection(u *url.URL, cluster bool) (target, error) {
	switch query := u.Query(); {
	case query.Has("master_name"):
		o, err := redis.ParseFailoverURL(u.String())
		if err != nil {
			return target{}, err
		}
		if o.ReplicaOnly || o.RouteByLatency || o.RouteRandomly {
			return target{}, errReplicas
		}
		return target{addr: u.Host, client: func() redis.UniversalClient { return redis.NewFailoverClient(o) }}, nil
	case cluster || query.Has("addr"):
		if u.Path != "" && u.Path != "/" && u.Path != "/0" {
			return target{}, fmt.Errorf("a cluster has no database %q", strings.TrimPrefix(u.Path, "/"))
		}
		o, err := redis.ParseClusterURL(u.String())
		if err != nil {
			return target{}, err
		}
		return target{addr: u.Host, client: func() redis.UniversalClient { return redis.NewClusterClient(o) }}, nil
	}
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return target{}, err
	}
	return target{addr: o.Addr, client: func() redis.UniversalClient { return redis.NewClient(o) }}, nil
}

// errTwoDatabases: go-redis would take one of them, in which there may be nothing.
var errTwoDatabases = errors.New("redisstore: the URL names two databases, as its path and as db")

// errQuery shows nothing of the URL, as errMalformed.
var errQuery = errors.New("redisstore: malformed URL: its query is not percent-encoded: write %25 for % and %3B for ;")

// errMalformed shows nothing of the URL. A password that is not
// percent-encoded can end up in any part of it, and in any error about it.
var errMalformed = errors.New("redisstore: malformed URL: want redis://[user:password@]host:port[/database], " +
	"with user and password percent-encoded")
