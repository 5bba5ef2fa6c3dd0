package failover

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	runFailovers(t, startStreaming(t))
}

// streaming is a primary and a replica. Who waits for the replica says so in its session.
//
// PostgreSQL does not prevent two primaries. So the test does what a failover manager must
// do: it makes sure that a former primary is not reachable any more.
type streaming struct {
	t       *testing.T
	servers [2]*pgtest.Server
	primary int
	url     string // follows the primary
}

func startStreaming(t *testing.T) *streaming {
	t.Helper()
	config := []string{"synchronous_standby_names=*", "synchronous_commit=local", "max_connections=200"}
	s := &streaming{t: t}
	s.servers[0] = pgtest.Start(t, config...)
	s.servers[1] = pgtest.StartReplica(t, s.servers[0], config...)
	tables, err := pgstore.SchemaSQL(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.servers[0].SQL("postgres", tables)
	s.url = fmt.Sprintf("postgres://postgres@%s,%s/postgres?sslmode=disable&connect_timeout=1&target_session_attrs=read-write",
		s.servers[0].Addr(), s.servers[1].Addr())
	s.awaitReplica()
	return s
}

func (s *streaming) store(waits bool) *checkpoint.Store { return postgresStore(s.t, s.url, waits) }

func (s *streaming) clinging(master server, waits bool) *checkpoint.Store {
	return postgresStore(s.t, master.(*pgtest.Server).URL("postgres"), waits)
}

// postgresStore is a Store that waits for the replica to have applied a commit, or not.
func postgresStore(t *testing.T, url string, waits bool) *checkpoint.Store {
	t.Helper()
	if waits {
		url += "&synchronous_commit=remote_apply"
	}
	d, err := pgstore.Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	t.Cleanup(func() { store.Close() })
	return store
}

func (s *streaming) prefix(server) string { return "" }

func (s *streaming) master() server { return s.servers[s.primary] }

// command ends the primary in order, so that the replica gets everything.
func (s *streaming) command(server) {
	s.servers[s.primary].Stop()
	s.promote()
}

func (s *streaming) awaitSuccessor(server) { s.promote() }

func (s *streaming) promote() {
	s.primary = 1 - s.primary
	s.servers[s.primary].Promote()
}

// restart leaves it to awaitWhole.
func (s *streaming) restart(server) {}

// resume keeps a former primary from going on.
func (s *streaming) resume(former server) { former.Kill() }

// awaitWhole makes the former primary a replica of the new one, as pg_rewind or a new copy
// does.
func (s *streaming) awaitWhole() {
	s.servers[1-s.primary].Follow(s.servers[s.primary])
	s.awaitReplica()
}

func (s *streaming) awaitReplica() {
	until(s.t, "the replica streams", func() bool {
		return strings.TrimSpace(s.servers[s.primary].SQL("postgres", "SELECT string_agg(state || sync_state, '') FROM pg_stat_replication")) == "streamingsync"
	})
}

// A failover loses what no replica has received. Who waits for a replica does not get it
// acknowledged.
func TestReplicaThatIsAway(t *testing.T) {
	t.Parallel()
	s := startStreaming(t)
	plain, waits := s.store(false), s.store(true)
	at := checkpoint.Position{Commit: 1}
	if err := waits.Set(t.Context(), "early", at); err != nil {
		t.Fatal(err)
	}
	s.servers[1].Kill()
	if err := plain.Set(t.Context(), "plain", at); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := waits.Set(ctx, "waits", at); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a write that waits for the replica: %v", err)
	}
	s.servers[0].Kill()
	s.servers[1].Restart()
	s.promote()
	for key, want := range map[string]bool{"early": true, "plain": false, "waits": false} {
		until(t, "the store follows", func() bool {
			there, err := plain.Exists(t.Context(), key)
			if err == nil && there != want {
				t.Errorf("after the failover %q is there: %v, want %v", key, there, want)
			}
			return err == nil
		})
	}
}
