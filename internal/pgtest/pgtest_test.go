package pgtest_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
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

func TestABouncerServesEveryDatabase(t *testing.T) {
	s := pgtest.Shared(t)
	url := s.NewDatabase()
	name := url[strings.LastIndex(url, "/")+1 : strings.Index(url, "?")]
	b := pgtest.StartBouncer(t, s)
	if got := s.SQLAt(b.URL(name), "SELECT current_database()"); got != name {
		t.Errorf("behind the bouncer the database is %q, want %q", got, name)
	}
}
