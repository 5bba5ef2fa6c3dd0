package pgstore_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// A server that may lose what it acknowledges is warned of at the first call, and to
// whoever asks.
func TestDurabilityWarnings(t *testing.T) {
	primary := pgtest.Start(t, "fsync=on")
	url := primary.URL("postgres")
	warns := func(what, url, want string) {
		t.Helper()
		var log bytes.Buffer
		d := open(t, url, &pgstore.Options{AutoMigrate: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		warnings, err := d.Warnings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(warnings, "\n")
		if want == "" && got+log.String() != "" || !strings.Contains(got, want) || !strings.Contains(log.String(), want) {
			t.Errorf("%s: the warnings are %q, logged %q; want %q", what, got, log.String(), want)
		}
	}
	warns("the default", url, "")
	warns("off", url+"&synchronous_commit=off", "synchronous_commit is off, and a crash")
	warns("local without a replica", url+"&synchronous_commit=local", "")
	pgtest.StartReplica(t, primary, "cluster_name=standby")
	warns("a replica", url, "replication is asynchronous, and a failover loses")
	primary.SQL("postgres", "CREATE ROLE limited LOGIN")
	execute(t, url, grants("limited", "checkpoint")...)
	warns("a replica, as another role", asRole(url, "limited"), "replication is asynchronous")
	primary.SQL("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'standby'")
	primary.SQL("postgres", "SELECT pg_reload_conf()")
	settles(t, primary, "SELECT sync_state = 'sync' FROM pg_stat_replication")
	warns("a synchronous replica", url, "")
	warns("remote_apply", url+"&synchronous_commit=remote_apply", "")
	warns("local", url+"&synchronous_commit=local", "synchronous_commit is local, and a failover loses")
	unsafe := pgtest.Start(t) // without fsync
	warns("fsync", unsafe.URL("postgres"), "fsync is off")
}
