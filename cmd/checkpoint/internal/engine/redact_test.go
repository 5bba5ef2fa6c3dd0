package engine_test

import (
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
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
		"redis://host:26379?master_name=m&username=me&password=sesame",
		"redis://me:sesame@host:26379?master_name=m&password=sesame",
		"redis://host:26379?master_name=m&p%61ssword=sesame",
		"redis://host:26379?password=sesame;x",
		"redis://host:port?master_name=m&password=sesame",
		"host=db user=app password=sesame dbname=x",
		"host=db user=app PASSWORD = 'sesame' dbname=x",
		"password=a://sesame@db host=db",
	} {
		if !engine.HasPassword(u) {
			t.Errorf("HasPassword(%q) is false", u)
		}
		if shown := engine.Redact(u); strings.Contains(shown, "ses") {
			t.Errorf("Redact(%q) = %q", u, shown)
		}
	}
	for _, u := range []string{
		"sqlite:checkpoints.db", "redis://me@host:6379/0?namespace=prod:", "checkpoints.db",
		"redis://host:26379?master_name=m", "sqlite:a@b.db",
		"sqlite:password=1.db", "password.db", "host=db user=app", "env=prod/password.db",
	} {
		if engine.HasPassword(u) {
			t.Errorf("HasPassword(%q) is true", u)
		}
		if shown := engine.Redact(u); shown != u {
			t.Errorf("Redact(%q) = %q", u, shown)
		}
	}
}
