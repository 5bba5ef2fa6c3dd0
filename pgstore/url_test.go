package pgstore

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestOptionsInTheURL(t *testing.T) {
	for _, test := range []struct {
		url, rest string
		options   Options
	}{
		{"postgres://u@h/db", "postgres://u@h/db", Options{}},
		{"postgres://u@h/db?namespace=prod", "postgres://u@h/db", Options{Namespace: "prod"}},
		{
			"postgresql://h/db?sslmode=disable&schema=a%20b&namespace=a+b", "postgresql://h/db?sslmode=disable",
			Options{Schema: "a b", Namespace: "a+b"},
		},
		{"postgres://h/db?no_shortcuts=true&sslmode=disable", "postgres://h/db?sslmode=disable", Options{NoShortcuts: true}},
		{"postgres://h/db?no_shortcuts=false", "postgres://h/db", Options{}},
		{"host=h dbname=db namespace=x", "host=h dbname=db namespace=x", Options{}},
	} {
		var o Options
		rest, err := takeOptions(test.url, &o)
		if err != nil || rest != test.rest || o != test.options {
			t.Errorf("%s: %q, %+v, %v, want %q, %+v", test.url, rest, o, err, test.rest, test.options)
		}
	}
}

func TestURLThatCannotBeUsed(t *testing.T) {
	for _, url := range []string{
		"postgres://me:sesame@h:port/db",
		"postgres://me:sesame@h/db?sslmode=perhaps",
		"postgres://me:sesame@h/db?schema=%zz",
		"postgres://me:sesame@h/db?schema=a%00b",
		"postgres://me:sesame@h/db?namespace=other",
		"postgres://me:sesame@h/db?no_shortcuts=perhaps",
		"postgres://me:sesame@h/db?no_shortcuts=false",
		"mysql://me:sesame@h/db",
	} {
		_, err := Open(t.Context(), url, &Options{Namespace: "prod", NoShortcuts: true})
		if !errors.Is(err, ErrURL) {
			t.Errorf("Open(%q): %v, want an ErrURL", url, err)
		} else if strings.Contains(err.Error(), "sesame") {
			t.Errorf("Open(%q) shows the password: %v", url, err)
		}
	}
}

func TestParseURL(t *testing.T) {
	config, o, err := ParseURL("postgres://me:sesame@h/db?namespace=prod", nil)
	if err != nil || config.ConnConfig.Host != "h" || config.ConnConfig.User != "me" || o.Schema != "checkpoint" || o.Namespace != "prod" {
		t.Errorf("%+v, %+v, %v", config, o, err)
	}
	for url, want := range map[string]time.Duration{
		"postgres://h/db":                   10 * time.Second,
		"postgres://h/db?connect_timeout=3": 3 * time.Second,
		"host=h dbname=db":                  10 * time.Second,
	} {
		config, _, err := ParseURL(url, nil)
		if err != nil || config.ConnConfig.ConnectTimeout != want {
			t.Errorf("%s: a connection may take %v, %v; want %v", url, config.ConnConfig.ConnectTimeout, err, want)
		}
	}
	if _, _, err := ParseURL("mysql://h/db", nil); !errors.Is(err, ErrURL) {
		t.Errorf("another URL: %v, want ErrURL", err)
	}
}
