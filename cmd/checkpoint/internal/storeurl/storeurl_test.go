package storeurl_test

import (
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/storeurl"
)

func TestRedactShowsNoPassword(t *testing.T) {
	for _, u := range []string{
		"redis://me:sesame@host:6379/0?namespace=prod:",
		"redis://:sesame@host",
		"rediss://me:sesame@host:port",
		"redis://me:sesame%zz@host",
		"redis://me:sesame@ho st/\x7f",
		"redis://me:sesame@[::1",
		"redis:me:sesame@host:6380/3",
		"me:sesame@host:6379",
		"redis://me:ses@ame@host",
	} {
		if shown := storeurl.Redact(u); strings.Contains(shown, "ses") {
			t.Errorf("Redact(%q) = %q", u, shown)
		}
	}
	for _, u := range []string{"sqlite:checkpoints.db", "redis://me@host:6379/0?namespace=prod:", "checkpoints.db"} {
		if shown := storeurl.Redact(u); shown != u {
			t.Errorf("Redact(%q) = %q", u, shown)
		}
	}
}
