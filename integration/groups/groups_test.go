package groups

import (
	"slices"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/engines"
)

var (
	local   = []fault{kill, stop, callOff, storm}
	distant = append([]fault{cut, holdOff}, local...)
)

func newFight(t *testing.T, store string, members, partitions int, ttl time.Duration, faults ...fault) *fight {
	t.Helper()
	return &fight{
		arena: newArena(t, task{
			Store: store, Partitions: partitions, TTL: ttl,
			Log: log{Every: 200 * time.Millisecond}, Work: 4 * time.Millisecond,
		}),
		random: random(t), faults: faults, members: members,
	}
}

// TestGroupUnderAttack attacks the members of a group, round after round.
//
// A lease of etcd lasts for two seconds at least.
func TestGroupUnderAttack(t *testing.T) {
	for _, c := range []struct {
		name   string
		store  func(*testing.T) string
		ttl    time.Duration
		faults []fault
	}{
		{"Redis", engines.Redis, 1500 * time.Millisecond, distant},
		{"PostgreSQL", engines.Postgres, 1500 * time.Millisecond, distant},
		{"SQLite", engines.SQLite, 1500 * time.Millisecond, local},
		{"etcd", engines.Etcd(1), 2 * time.Second, distant},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFight(t, c.store(t), 8, 32, c.ttl, c.faults...)
			if err := f.begin(); err != nil {
				t.Fatal(err)
			}
			if err := f.fight(*rounds); err != nil {
				t.Fatal(err)
			}
			for len(f.live) > 0 {
				if err := f.callOff(f.live[0]); err != nil {
					t.Fatal(err)
				}
			}
			f.unwatch()
			if err := f.verdict(); err != nil {
				t.Fatal(err)
			}
			t.Logf("balanced again after %.1f TTL, %.1f at most", median(f.took).Seconds()/c.ttl.Seconds(), slices.Max(f.took).Seconds()/c.ttl.Seconds())
			t.Log(f.evidence.numbers(c.ttl))
		})
	}
}
