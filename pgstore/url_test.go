package pgstore

import (
	"errors"
	"strings"
	"testing"
)

func TestPlaceInTheURL(t *testing.T) {
	for _, test := range []struct {
		url, rest, schema, namespace string
	}{
		{"postgres://u@h/db", "postgres://u@h/db", "", ""},
		{"postgres://u@h/db?namespace=prod", "postgres://u@h/db", "", "prod"},
		{"postgresql://h/db?sslmode=disable&schema=a%20b&namespace=a+b", "postgresql://h/db?sslmode=disable", "a b", "a+b"},
		{"host=h dbname=db namespace=x", "host=h dbname=db namespace=x", "", ""},
	} {
		var o Options
		rest, err := takePlace(test.url, &o)
		if err != nil || rest != test.rest || o.Schema != test.schema || o.Namespace != test.namespace {
			t.Errorf("%s: %q, schema %q, namespace %q, %v", test.url, rest, o.Schema, o.Namespace, err)
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
		"mysql://me:sesame@h/db",
	} {
		_, err := Open(t.Context(), url, &Options{Namespace: "prod"})
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
	if _, _, err := ParseURL("mysql://h/db", nil); !errors.Is(err, ErrURL) {
		t.Errorf("another URL: %v, want ErrURL", err)
	}
}
