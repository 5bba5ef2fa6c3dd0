package command

import (
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/internal/doctortest"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
)

// safePostgres returns a server that syncs its files, and a store on it.
func safePostgres(t *testing.T, config ...string) (server *pgtest.Server, store string) {
	t.Helper()
	server = pgtest.Start(t, append([]string{"fsync=on"}, config...)...)
	store = server.NewDatabase()
	must(t, "schema", "--apply", "--store", store)
	must(t, "set", "orders", "1", "--epoch", "2", "--store", store)
	return server, store
}

func TestDoctorOnASoundPostgreSQL(t *testing.T) {
	_, store := safePostgres(t)
	found := examine(t, store)
	doctortest.AllOK(t, found)
	for _, check := range []string{
		"version", "role", "encoding", "durability", "failover", "pooler", "clock", "xid-age", "tables", "permissions", "bloat", "checkpoints", "fences", "leases",
	} {
		doctortest.Reports(t, found, check, "OK", "")
	}
}

// set changes a setting of the server, and waits until new sessions have it.
func set(t *testing.T, server *pgtest.Server, name, value string) {
	t.Helper()
	before := server.SQL("postgres", "SHOW "+name)
	server.SQL("postgres", "ALTER SYSTEM SET "+name+" = "+value)
	server.SQL("postgres", "SELECT pg_reload_conf()")
	for deadline := time.Now().Add(time.Minute); server.SQL("postgres", "SHOW "+name) == before; {
		if time.Now().After(deadline) {
			t.Fatalf("%s stays %s", name, before)
		}
	}
}

func TestDoctorOnPostgreSQLSettings(t *testing.T) {
	server, store := safePostgres(t)
	for _, test := range []struct{ name, value, check, level, text string }{
		{"full_page_writes", "off", "durability", "WARN", "full_page_writes is off"},
		{"synchronous_commit", "off", "durability", "WARN", "synchronous_commit is off"},
		{"default_transaction_read_only", "on", "role", "FAIL", "takes no writes"},
		{"synchronous_standby_names", "'*'", "failover", "FAIL", "each commit waits for one"},
		{"autovacuum", "off", "bloat", "WARN", "autovacuum is off for the table checkpoints"},
	} {
		set(t, server, test.name, test.value)
		doctortest.Reports(t, examine(t, store), test.check, test.level, test.text)
		set(t, server, test.name, "DEFAULT")
	}
	doctortest.AllOK(t, examine(t, store))
	other := pgtest.Shared(t) // does not sync its files
	doctortest.Reports(t, examine(t, other.URL("postgres")), "durability", "FAIL", "fsync is off")
}

func TestDoctorOnPostgreSQLReplicas(t *testing.T) {
	server, store := safePostgres(t)
	replica := pgtest.StartReplica(t, server)
	of := func(s *pgtest.Server) string {
		u, err := url.Parse(store)
		if err != nil {
			t.Fatal(err)
		}
		return s.URL(strings.TrimPrefix(u.Path, "/"))
	}
	doctortest.Reports(t, examine(t, of(replica)), "role", "FAIL", "the server is a replica")
	doctortest.Reports(t, examine(t, of(replica)+"&target_session_attrs=any"), "role", "FAIL", "the server is a replica")
	doctortest.Reports(t, examine(t, store), "failover", "WARN", "replication is asynchronous")
	set(t, server, "synchronous_standby_names", "'*'")
	doctortest.Reports(t, examine(t, store), "failover", "OK", "each commit waits for replicas")
	set(t, server, "synchronous_commit", "local")
	doctortest.Reports(t, examine(t, store), "failover", "WARN", "synchronous_commit is local")
}

func TestDoctorBehindPgBouncer(t *testing.T) {
	server, store := safePostgres(t)
	u, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	database := strings.TrimPrefix(u.Path, "/")
	found := examine(t, pgtest.StartBouncer(t, server).URL(database))
	doctortest.Reports(t, found, "pooler", "WARN", "a pooler in transaction mode")
	doctortest.AllOK(t, found, "pooler")
	doctortest.Reports(t, examine(t, pgtest.StartBouncer(t, server, "pool_mode = statement").URL(database)), "pooler", "FAIL", "statement mode")
}

// What docs/postgres.md lists suffices, and each missing permission is named.
func TestDoctorAsARole(t *testing.T) {
	server, store := safePostgres(t)
	text, err := os.ReadFile("../../docs/postgres.md")
	if err != nil {
		t.Fatal(err)
	}
	server.SQL("postgres", "CREATE ROLE app LOGIN")
	app := strings.Replace(store, "//postgres@", "//app@", 1)
	var grants []string
	for statement := range strings.Lines(string(text)) {
		permissions, ok := strings.CutPrefix(strings.TrimSpace(statement), "GRANT ")
		if !ok {
			continue
		}
		permissions, on, _ := strings.Cut(permissions, " ON ")
		for permission := range strings.SplitSeq(permissions, ", ") {
			grants = append(grants, "GRANT "+permission+" ON "+on)
			server.SQLAt(store, "GRANT "+permission+" ON "+on)
		}
	}
	found := examine(t, app)
	doctortest.AllOK(t, found)
	doctortest.Reports(t, found, "permissions", "OK", "")
	if len(grants) < 13 {
		t.Errorf("docs/postgres.md lists %q", grants)
	}
	for _, grant := range grants {
		server.SQLAt(store, strings.Replace(strings.Replace(grant, "GRANT", "REVOKE", 1), " TO ", " FROM ", 1))
		_, permission, _ := strings.Cut(grant, " ")
		permission, _, _ = strings.Cut(permission, " ")
		doctortest.Reports(t, examine(t, app), "permissions", "FAIL", "the role lacks "+permission)
		server.SQLAt(store, grant)
	}
}

func TestDoctorOnPostgreSQLTables(t *testing.T) {
	server := pgtest.Shared(t)
	store := server.NewDatabase()
	doctortest.Reports(t, examine(t, store), "tables", "FAIL", "are not there")
	must(t, "schema", "--apply", "--store", store)
	server.SQLAt(store, "ALTER TABLE checkpoint.checkpoints SET (autovacuum_enabled = off);"+
		" INSERT INTO checkpoint.checkpoints (namespace, key, commit_position, prepare_position, updated_at)"+
		" SELECT '', 'k' || i, 1, 1, now() FROM generate_series(1, 12000) i")
	// In one transaction, since each would remove what the one before has left.
	server.SQLAt(store, strings.Repeat("UPDATE checkpoint.checkpoints SET log_id = 'a';", 3))
	found := examine(t, store)
	doctortest.Reports(t, found, "bloat", "WARN", "the table checkpoints has ")
	doctortest.Reports(t, found, "bloat", "WARN", "autovacuum is off for the table checkpoints")
	server.SQLAt(store, "UPDATE checkpoint.checkpoint_schema SET version = 99")
	doctortest.Reports(t, examine(t, store), "tables", "FAIL", "newer version")
}

// A slot of a logical replication keeps vacuum from its work.
func TestDoctorOnOldTransactions(t *testing.T) {
	server, store := safePostgres(t, "autovacuum_freeze_max_age=100000")
	server.SQLAt(store, "SELECT pg_create_logical_replication_slot('behind', 'pgoutput')")
	server.SQLAt(store, "CREATE TEMP TABLE t (i int); DO $$ BEGIN FOR i IN 1..250000 LOOP"+
		" BEGIN INSERT INTO t VALUES (i); EXCEPTION WHEN division_by_zero THEN END; END LOOP; END $$")
	doctortest.Reports(t, examine(t, store), "xid-age", "WARN", "autovacuum freezes at 100000: something holds vacuum up")
}

func TestDoctorWithoutAPostgreSQL(t *testing.T) {
	doctortest.Reports(t, examine(t, "postgres://me:sesame@127.0.0.1:1/db"), "store", "FAIL", "cannot reach PostgreSQL at 127.0.0.1:1: connection refused")
	server := pgtest.Shared(t)
	doctortest.Reports(t, examine(t, server.URL("none")), "store", "FAIL", "no such database")
	server.SQL("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	doctortest.Reports(t, examine(t, server.URL("latin")), "encoding", "WARN", "LATIN1")
}
