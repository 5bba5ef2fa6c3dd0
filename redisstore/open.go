package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Open connects to the Redis at rawURL, and checks that it answers. Closing
// the driver closes the connections.
//
// The URL is redis://[user:password@]host:port[/database], rediss:// for TLS,
// or unix://[user:password@]/path/to/socket[?db=database]. Its query may hold
// what redis.ParseURL of go-redis understands, and namespace, which stands for
// Options.Namespace, and prefix, which stands for Options.Prefix. No error
// shows its password.
func Open(ctx context.Context, rawURL string, opts *Options) (*Driver, error) {
	clientOpts, merged, err := parseURL(rawURL, opts)
	if err != nil {
		return nil, err
	}
	if err := merged.validate(); err != nil {
		return nil, err
	}
	d := New(redis.NewClient(clientOpts), merged)
	d.owned = true
	err = await(ctx, func() error { return d.client.Ping(ctx).Err() })
	if err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("redisstore: cannot reach Redis at %s: %w", clientOpts.Addr, err)
	}
	return d, nil
}

func parseURL(rawURL string, opts *Options) (*redis.Options, *Options, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, nil, errMalformed
	}
	merged := new(Options)
	if opts != nil {
		*merged = *opts
	}
	query := u.Query()
	for name, field := range map[string]*string{"namespace": &merged.Namespace, "prefix": &merged.Prefix} {
		if !query.Has(name) {
			continue
		}
		value := query.Get(name)
		if *field != "" && *field != value {
			return nil, nil, fmt.Errorf("redisstore: the URL says %s %q, the Options say %q", name, value, *field)
		}
		*field = value
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	clientOpts, err := redis.ParseURL(u.String())
	if err != nil {
		if n := strings.Count(rawURL, "@"); n > 1 || n == 1 && u.User == nil {
			return nil, nil, errMalformed
		}
		return nil, nil, fmt.Errorf("redisstore: malformed URL: %w", err)
	}
	return clientOpts, merged, nil
}

// errMalformed shows nothing of the URL. A password that is not
// percent-encoded can end up in any part of it, and in any error about it.
var errMalformed = errors.New("redisstore: malformed URL: want redis://[user:password@]host:port[/database], " +
	"with user and password percent-encoded")
