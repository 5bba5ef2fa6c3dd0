package contention

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/engines"
)

// random can be repeated: what the supervisor does, not when the machine does it.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	s := cmp.Or(*seed, rand.Uint64())
	t.Logf("-seed %d repeats this run", s)
	return rand.New(rand.NewPCG(s, 0))
}

func newFight(t *testing.T, store, sabotage string, attacks ...attack) *fight {
	t.Helper()
	return &fight{
		arena: newArena(t, task{
			Store: store, Sabotage: sabotage,
			TTL: 400 * time.Millisecond, Timeout: 400 * time.Millisecond, FlushTimeout: patience,
			Workers: 4, Work: 4 * time.Millisecond,
		}),
		random:  random(t),
		attacks: attacks,
	}
}

// TestContention attacks the owner of the lease, round after round.
//
// A process that is stopped may hold SQLite's lock on the file, and then nobody
// can take over until it goes on. So on SQLite owners are only killed.
//
// A lease of etcd lasts for two seconds at least. So there are fewer rounds on etcd.
func TestContention(t *testing.T) {
	for _, c := range []struct {
		name      string
		store     func(*testing.T) string
		instances int
		attacks   []attack
		rounds    int
	}{
		{"Redis", engines.Redis, 2, everyAttack, *rounds},
		{"Redis", engines.Redis, 8, everyAttack, *rounds},
		{"PostgreSQL", engines.Postgres, 4, everyAttack, *rounds},
		{"etcd", engines.Etcd(3), 3, everyAttack, *rounds / 3},
		{"SQLite", engines.SQLite, 3, []attack{kill}, *rounds / 4},
	} {
		t.Run(fmt.Sprintf("%s/%d", c.name, c.instances), func(t *testing.T) {
			t.Parallel()
			f := newFight(t, c.store(t), "", c.attacks...)
			if err := f.begin(c.instances); err != nil {
				t.Fatal(err)
			}
			if err := f.fight(c.rounds); err != nil {
				t.Fatal(err)
			}
			f.report()
			if err := f.lastStanding(); err != nil {
				t.Fatal(err)
			}
			f.evidence.look(func() {
				t.Logf("%d events, %d tenures", f.evidence.done.upTo, len(f.evidence.tenures))
			})
		})
	}
}

// TestSaboteurs breaks the consumer in one way after another, and expects the
// rule against it to be found broken. So the rules can fail.
func TestSaboteurs(t *testing.T) {
	for _, c := range []struct {
		saboteur string
		attack   attack
		want     error
	}{
		{"unfenced", stop, errNotGranted},
		{"unfenced", stop, errNotRefused},
		{"careless", stop, errWentBack},
		{"self-appointed", stop, errSharedEpoch},
		{"clinging", stop, errOldEpoch},
		{"forgetful", stop, errOldResume},
		{"stubborn", kill, errEnd},
		{"hasty", stop, errOutsideTerm},
		{"hasty", kill, errResume},
		{"sloppy", kill, errNotDone},
		{"nostalgic", kill, errDoneAgain},
		{"unordered", kill, errDisorder},
	} {
		for name, store := range map[string]func(*testing.T) string{"Redis": engines.Redis, "PostgreSQL": engines.Postgres, "etcd": engines.Etcd(1)} {
			t.Run(name+"/"+c.saboteur+"/"+c.want.Error(), func(t *testing.T) {
				t.Parallel()
				f := newFight(t, store(t), c.saboteur, c.attack)
				f.onlyRule = c.want
				if err := f.begin(2); err != nil {
					t.Fatal(err)
				}
				if err := f.fight(40); !errors.Is(err, c.want) {
					t.Errorf("the evidence says %v; want %v", err, c.want)
				}
			})
		}
	}
}
