package redisstore_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

func TestURLNamesNamespaceAndPrefix(t *testing.T) {
	server := redistest.Start(t)
	for _, c := range []struct {
		query string
		opts  *redisstore.Options
		key   string
	}{
		{"", nil, "checkpoint:orders"},
		{"?namespace=" + url.QueryEscape("a&b?{c}:"), nil, "a&b?{c}:checkpoint:orders"},
		{"?namespace=", &redisstore.Options{}, "checkpoint:orders"},
		{"?prefix=cp/", nil, "cp/orders"},
		{"?namespace=prod:", &redisstore.Options{Namespace: "prod:"}, "prod:checkpoint:orders"},
		{"/0?namespace=prod:&client_name=x", nil, "prod:checkpoint:orders"},
		{"", &redisstore.Options{Prefix: "cp/"}, "cp/orders"},
	} {
		server.Do("FLUSHALL")
		d, err := redisstore.Open(t.Context(), server.URL()+c.query, c.opts)
		if err != nil {
			t.Errorf("Open %q: %v", c.query, err)
			continue
		}
		store := checkpoint.New(d, nil)
		if _, err := store.SetIfNewer(t.Context(), "orders", at(1, 1)); err != nil {
			t.Errorf("SetIfNewer after Open %q: %v", c.query, err)
		}
		wantKeys(t, server, c.key)
		store.Close()
	}
}

func TestURLOfADatabase(t *testing.T) {
	server := redistest.Start(t)
	store := checkpoint.New(must(redisstore.Open(t.Context(), server.URL()+"/3", nil)), nil)
	defer store.Close()
	if err := store.Set(t.Context(), "orders", at(1, 1)); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, server) // of database 0
}

func TestOpenRefusesWithoutThePassword(t *testing.T) {
	server := redistest.Start(t)
	addr := server.Addr()
	opts := func(namespace, prefix string) *redisstore.Options {
		return &redisstore.Options{Namespace: namespace, Prefix: prefix}
	}
	for _, c := range []struct {
		name, url string
		opts      *redisstore.Options
		want      string
	}{
		{"another namespace", "redis://u:hunter2@" + addr + "?namespace=a", opts("b", ""), `namespace "a", the Options say "b"`},
		{"another prefix", "redis://u:hunter2@" + addr + "?prefix=a", opts("", "b"), `prefix "a", the Options say "b"`},
		{"two namespaces", "redis://u:hunter2@" + addr + "?namespace=a&namespace=b", nil, `namespace "a" and "b"`},
		{"a namespace with a bad escape", "redis://u:hunter2@" + addr + "?namespace=50%25&prefix=5%&name=hunter2", nil, "query"},
		{"a namespace with a semicolon", "redis://u:hunter2@" + addr + "?namespace=prod;hunter2:", nil, "query"},
		{"both in the URL", "redis://u:hunter2@" + addr + "?prefix=a&namespace=b", nil, "both set"},
		{"one in each", "redis://u:hunter2@" + addr + "?prefix=a", opts("b", ""), "both set"},
		{"a namespace with a newline", "redis://u:hunter2@" + addr + "?namespace=%0a", nil, "control character"},
		{"a bad escape", "redis://u:hunter2%zz@" + addr, nil, "malformed URL"},
		{"a bad port", "redis://u:hunter2@127.0.0.1:port", nil, "malformed URL"},
		{"a control character", "redis://u:hunter2@" + addr + "\n", nil, "malformed URL"},
		{"a slash in the password", "redis://u:hunter2/x@" + addr, nil, "percent-encoded"},
		{"a number and a slash in the password", "redis://u:1/hunter2@" + addr, nil, "percent-encoded"},
		{"a question mark in the password", "redis://u:1?hunter2@" + addr, nil, "percent-encoded"},
		{"a password as parameter", "redis://" + addr + "?password=hunter2", nil, "unexpected option: password"},
		{"an ampersand in the master's password", "redis://" + addr + "?master_name=m&password=a&hunter2", nil, "percent-encoded"},
		{"a number sign in the password", "redis://u:1#hunter2@" + addr, nil, "percent-encoded"},
		{"another scheme", "http://u:hunter2@" + addr, nil, "scheme"},
		{"no scheme", "u:hunter2@" + addr, nil, "malformed URL"},
		{"an unknown parameter", "redis://u:hunter2@" + addr + "?name=a", nil, "name"},
		{"Sentinels with replicas that are near", "redis://u:hunter2@" + addr + "?master_name=m&route_by_latency=true", nil, "replicas"},
		{"Sentinels with any replica", "redis://u:hunter2@" + addr + "?master_name=m&route_randomly=true", nil, "replicas"},
		{"two databases", "redis://u:hunter2@" + addr + "/1?db=2", nil, "two databases"},
		{"a pool without an end", "redis://u:hunter2@" + addr + "?pool_size=-1", nil, "pool_size"},
		{"a pool without an end on each node", "redis://u:hunter2@" + addr + "?cluster=true&pool_size=-1", nil, "pool_size"},
		{"a bad database", "redis://u:hunter2@" + addr + "/x", nil, "database"},
		{"nobody there", "redis://u:hunter2@127.0.0.1:1?max_retries=-1", nil, "cannot reach Redis at 127.0.0.1:1"},
		{"a user unknown", "redis://u:hunter2@" + addr, nil, "WRONGPASS"},
		{"nothing", "", nil, "scheme"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := redisstore.Open(t.Context(), c.url, c.opts)
			switch {
			case err == nil:
				t.Fatal("Open does not fail")
			case !strings.Contains(err.Error(), c.want):
				t.Errorf("Open is %q, want %q", err, c.want)
			case strings.Contains(err.Error(), "hunter2"):
				t.Errorf("Open shows the password: %v", err)
			case errors.Is(err, redisstore.ErrURL) == (c.want == "WRONGPASS" || strings.HasPrefix(c.want, "cannot reach")):
				t.Errorf("Open is an ErrURL for a server, or none for a URL: %v", err)
			case !strings.HasPrefix(err.Error(), "redisstore: "):
				t.Errorf("Open does not say who it is: %v", err)
			}
		})
	}
}

func TestOpenWithAnEndedContext(t *testing.T) {
	server := redistest.Start(t)
	cause := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := redisstore.Open(ctx, server.URL(), nil); !errors.Is(err, cause) {
		t.Errorf("Open is %v, want the context's cause", err)
	}
}

func TestNewClient(t *testing.T) {
	server := redistest.Start(t, "maxmemory-policy allkeys-lru") // which Open refuses
	client, opts, err := redisstore.NewClient(server.URL()+"?namespace=prod:&min_replicas=2", &redisstore.Options{FsyncAOF: true})
	if err != nil || opts.Namespace != "prod:" || opts.MinReplicas != 2 || !opts.FsyncAOF {
		t.Fatalf("%+v, %v", opts, err)
	}
	defer client.Close()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
	if _, _, err := redisstore.NewClient("mysql://h", nil); !errors.Is(err, redisstore.ErrURL) {
		t.Errorf("another URL: %v, want ErrURL", err)
	}
}
