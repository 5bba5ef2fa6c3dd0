package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"

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
		// The error of url.Parse shows the URL, and so its password.
		if e := (*url.Error)(nil); errors.As(err, &e) {
			err = e.Err
		}
		return nil, nil, fmt.Errorf("redisstore: malformed URL: %w", err)
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
		return nil, nil, fmt.Errorf("redisstore: URL %s: %w", u.Redacted(), err)
	}
	return clientOpts, merged, nil
}
