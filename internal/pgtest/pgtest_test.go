package pgtest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/internal/servertest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Check(pgtest.Sharing(m)).Run()) }

func TestAReplicaFollowsAndIsPromoted(t *testing.T) {
	primary := pgtest.Start(t)
	replica := pgtest.StartReplica(t, primary)
	primary.SQL("postgres", "CREATE TABLE t (i int); INSERT INTO t VALUES (7)")
	for deadline := time.Now().Add(time.Minute); replica.SQL("postgres", "SELECT to_regclass('t') IS NOT NULL") != "t"; {
		if time.Now().After(deadline) {
			t.Fatal("the replica does not follow")
		}
	}
	primary.Kill()
	replica.Promote()
	replica.SQL("postgres", "INSERT INTO t VALUES (8)")
	if got := replica.SQL("postgres", "SELECT string_agg(i::text, ',' ORDER BY i) FROM t"); got != "7,8" {
		t.Errorf("the promoted replica has %q, want 7,8", got)
	}
}

func TestARestartKeepsWhatIsCommitted(t *testing.T) {
	s := pgtest.Start(t)
	s.SQL("postgres", "CREATE TABLE t (i int)")
	s.Restart()
	s.SQL("postgres", "SELECT * FROM t")
}

// TestServerAtWork: each session is a process of its own, and one that computes does not
// notice the end of its server.
func TestServerAtWork(t *testing.T) {
	s := pgtest.Start(t)
	s.SQL("postgres", "CREATE SEQUENCE steps")
	psql := servertest.Program(t, "PGTEST_SERVER", "postgres-15", "psql")
	session := exec.Command(psql, "-X", "-d", s.URL("postgres"), "-c",
		"DO $$ BEGIN LOOP PERFORM nextval('steps'); END LOOP; END $$")
	if err := session.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Wait() }()
	steps := func() string { return s.SQL("postgres", "SELECT last_value FROM steps") }
	for first := steps(); steps() == first; {
	}
	s.Restart()
	if before := steps(); steps() != before {
		t.Error("a session goes on after its server was killed")
	}
}

func TestABouncerServesEveryDatabase(t *testing.T) {
	s := pgtest.Shared(t)
	url := s.NewDatabase()
	name := url[strings.LastIndex(url, "/")+1 : strings.Index(url, "?")]
	b := pgtest.StartBouncer(t, s)
	if got := s.SQLAt(b.URL(name), "SELECT current_database()"); got != name {
		t.Errorf("behind the bouncer the database is %q, want %q", got, name)
	}
}
