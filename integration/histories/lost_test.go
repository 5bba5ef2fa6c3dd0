package histories

import (
	"testing"

	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// An emptied member comes back without what it had on its disk.
type emptied struct{ member }

func (m emptied) Restart() {
	m.Kill()
	m.Wipe(m.t)
	m.Member.Restart(m.t)
}

// TestLostWrites: a server that loses what it has acknowledged is found out.
func TestLostWrites(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) (engine, server){
		"redis": func(t *testing.T) (engine, server) {
			t.Helper()
			s := redistest.Start(t)
			return redisAt(t, s.Addr()), s
		},
		"PostgreSQL": func(t *testing.T) (engine, server) {
			t.Helper()
			s := migrated(t, "synchronous_commit=off", "wal_writer_delay=10s")
			return postgresAt(t, s.URL("postgres")), s
		},
		"etcd": func(t *testing.T) (engine, server) {
			t.Helper()
			c := etcdtest.Start(t, 1)
			return etcdAt(t, c, c.Endpoints()), emptied{member{c.Members[0], t}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, server := start(t)
			// An operation without an answer may explain a loss, so the clients wait for answers.
			if i, ok := e.(impatient); ok {
				e = i.engine
			}
			find(t, chooseSeed(t), []engine{e}, func(h *history) {
				for range 5 {
					h.operate(t, 60)
					server.Restart()
				}
				h.operate(t, 300)
			})
		})
	}
}
