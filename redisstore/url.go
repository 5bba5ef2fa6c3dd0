package redisstore

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A target is the server, or the servers, that a URL names.
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
		return target{}, errQuery // u.Query would drop what it cannot read, even a namespace
	}
	if err := merged.take(query); err != nil {
		return target{}, err
	}
	if n, err := strconv.Atoi(query.Get("pool_size")); err == nil && n < 0 {
		return target{}, errors.New("redisstore: pool_size in the URL is negative") // go-redis would panic
	}
	if namesTwoDatabases(u, query) {
		return target{}, errTwoDatabases
	}
	cluster := query.Get("cluster") == "true"
	if cluster {
		query.Del("cluster")
	}
	u.RawQuery = query.Encode()
	t, err := connection(u, cluster)
	if err != nil {
		if maySpillPassword(rawURL, u, query) {
			return target{}, errMalformed
		}
		return target{}, fmt.Errorf("redisstore: malformed URL: %w", err)
	}
	t.opts = merged
	return t, nil
}

func quoted(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	return fmt.Sprint(v)
}

// maySpillPassword reports whether a part of a password may stand outside its
// place, since the password contains an @ or, in the query, an &.
func maySpillPassword(rawURL string, u *url.URL, query url.Values) bool {
	at := strings.Count(rawURL, "@")
	if at > 1 || at == 1 && u.User == nil {
		return true
	}
	for _, values := range query {
		if query.Has("password") && slices.Contains(values, "") {
			return true
		}
	}
	return false
}

func namesTwoDatabases(u *url.URL, query url.Values) bool {
	path := strings.Trim(u.Path, "/")
	return query.Has("db") && path != "" && u.Scheme != "unix" && query.Get("db") != path
}

// take moves the options that are not go-redis' from a URL's query to o.
func (o *Options) take(query url.Values) error {
	text := func(s string) (string, error) { return s, nil }
	return errors.Join(
		take(query, "namespace", &o.Namespace, text, "text"),
		take(query, "prefix", &o.Prefix, text, "text"),
		take(query, "min_replicas", &o.MinReplicas, strconv.Atoi, "no number"),
		take(query, "replica_timeout", &o.ReplicaTimeout, time.ParseDuration, "no duration"),
		take(query, "fsync_aof", &o.FsyncAOF, strconv.ParseBool, "neither true nor false"),
		take(query, "separate_calls", &o.SeparateCalls, strconv.ParseBool, "neither true nor false"),
		take(query, "no_shortcuts", &o.NoShortcuts, strconv.ParseBool, "neither true nor false"),
		take(query, "accept_eviction", &o.AcceptEviction, strconv.ParseBool, "neither true nor false"),
	)
}

// take moves one option to field. If field is set already, both must have the
// same value.
func take[T comparable](query url.Values, name string, field *T, parse func(string) (T, error), otherwise string) error {
	var first T
	for i, s := range query[name] {
		value, err := parse(s)
		switch {
		case err != nil:
			return fmt.Errorf("redisstore: %s in the URL is %s", name, otherwise)
		case i == 0:
			first = value
		case value != first:
			return fmt.Errorf("redisstore: the URL says %s %s and %s: leave one out", name, quoted(first), quoted(value))
		}
	}
	if !query.Has(name) {
		return nil
	}
	if zero := *new(T); *field != zero && *field != first {
		return fmt.Errorf("redisstore: the URL says %s %s, the Options say %s: leave one out", name, quoted(first), quoted(*field))
	}
	*field = first
	query.Del(name)
	return nil
}

// defaultProtocol is RESP2. With RESP3, go-redis asks the system before each command whether
// the server has pushed something, which the store has no use for.
const defaultProtocol = "2"

func connection(u *url.URL, cluster bool) (target, error) {
	query := u.Query()
	if !query.Has("protocol") {
		query.Set("protocol", defaultProtocol)
		u.RawQuery = query.Encode()
	}
	switch {
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

// errTwoDatabases: go-redis would pick one of them, which may be empty.
var errTwoDatabases = errors.New("redisstore: the URL names two databases, one as its path and one as db: leave one out")

// errQuery shows nothing of the URL, for the same reason as errMalformed.
var errQuery = errors.New("redisstore: malformed URL: its query is not percent-encoded: write %25 for % and %3B for ;")

// errMalformed shows nothing of the URL. A password that is not
// percent-encoded can end up in any part of it, and in any error about it.
var errMalformed = errors.New("redisstore: malformed URL: want redis://[user:password@]host:port[/database], " +
	"with user and password percent-encoded")
