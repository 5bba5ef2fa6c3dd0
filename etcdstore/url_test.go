package etcdstore

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestURL(t *testing.T) {
	for rawURL, want := range map[string]target{
		"etcd://h:2379":                         {endpoints: []string{"h:2379"}, opts: &Options{}},
		"etcd://h:2379/":                        {endpoints: []string{"h:2379"}, opts: &Options{}},
		"etcd://a:1,b:2,[::1]:3/prod":           {endpoints: []string{"a:1", "b:2", "[::1]:3"}, opts: &Options{Prefix: "prod/"}},
		"etcd://h:2379/prod/checkpoint/":        {endpoints: []string{"h:2379"}, opts: &Options{Prefix: "prod/checkpoint/"}},
		"etcd://me:p%40ss%2F,%3F@a:1,b:2/a%20b": {endpoints: []string{"a:1", "b:2"}, user: "me", password: "p@ss/,?", opts: &Options{Prefix: "a b/"}},
		"etcd://h:2379/prod?no_shortcuts=true":  {endpoints: []string{"h:2379"}, opts: &Options{Prefix: "prod/", NoShortcuts: true}},
		"etcd://h:2379?no_shortcuts=false":      {endpoints: []string{"h:2379"}, opts: &Options{}},
		"etcd://me:secret@h:2379":               {endpoints: []string{"h:2379"}, user: "me", password: "secret", opts: &Options{}},
	} {
		got, err := parseURL(rawURL, nil)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", rawURL, got, err, want)
		}
	}
	if got, err := parseURL("etcds://a:1,b:2", nil); err != nil || got.tls == nil {
		t.Errorf("etcds: %+v, %v, want TLS", got, err)
	}
}

func TestURLThatCannotBeUsed(t *testing.T) {
	for _, rawURL := range []string{
		"", "h:2379", "redis://h:2379", "etcd://", "etcd://h", "etcd://:2379", "etcd://a:1,", "etcd://,a:1", "etcd://a:1,b",
		"etcd://a:x", "etcd://a:1#prod", "etcd://me:secr@t@a:1", "etcd://me:secret/@a:1", "etcd://me:secret%@a:1", "etcd://a:1/?prefix=x",
		"etcd://a:1?ca=/none", "etcds://a:1?ca=/none", "etcds://a:1?cert=/none", "etcds://a:1?ca=%", "etcds://a:1?ca=x&ca=y",
		"etcd://me:secret@a:1,b:2?x", "etcd://a:1?no_shortcuts", "etcd://a:1?no_shortcuts=perhaps", "etcd://a:1?no_shortcuts=true&no_shortcuts=true",
	} {
		_, err := Open(t.Context(), rawURL, nil)
		if !errors.Is(err, ErrURL) {
			t.Errorf("%s: %v, want ErrURL", rawURL, err)
		}
		if err != nil && strings.Contains(err.Error(), "secr") {
			t.Errorf("%s: the error shows the password: %v", rawURL, err)
		}
	}
	if _, err := Open(t.Context(), "etcd://a:1/one", &Options{Prefix: "two/"}); !errors.Is(err, ErrURL) {
		t.Errorf("a URL with a prefix, and Options with another: %v, want ErrURL", err)
	}
	if _, err := Open(t.Context(), "etcd://a:1?no_shortcuts=false", &Options{NoShortcuts: true}); !errors.Is(err, ErrURL) {
		t.Errorf("a URL with shortcuts, and Options without: %v, want ErrURL", err)
	}
	for _, prefix := range []string{"prod", strings.Repeat("x", 512) + "/", "\xff/", "a\n/"} {
		if _, err := New(nil, &Options{Prefix: prefix}); err == nil {
			t.Errorf("Prefix %q is accepted", prefix)
		}
		if _, err := Open(t.Context(), "etcd://me:secret@a:1", &Options{Prefix: prefix}); !errors.Is(err, ErrURL) {
			t.Errorf("Open with the Prefix %q: %v, want ErrURL before it connects", prefix, err)
		}
	}
}

func TestParseURL(t *testing.T) {
	config, o, err := ParseURL("etcd://me:secret@a:1,b:2/prod", nil)
	if err != nil || !reflect.DeepEqual(config.Endpoints, []string{"a:1", "b:2"}) || config.Username != "me" || o.Prefix != "prod/" {
		t.Errorf("%+v, %+v, %v", config, o, err)
	}
	if _, _, err := ParseURL("redis://h:1", nil); !errors.Is(err, ErrURL) {
		t.Errorf("another URL: %v, want ErrURL", err)
	}
}
