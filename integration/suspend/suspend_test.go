package suspend

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/standstill"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

const (
	ttl      = 400 * time.Millisecond
	pairs    = 6                // that fight at the same time; half of them on Redis
	patience = 60 * time.Second // for whatever must happen, and does not say when
)

// TestSuspendedProcessesHandleNothing that the next holder may handle.
func TestSuspendedProcessesHandleNothing(t *testing.T) {
	redis := redistest.Start(t).Addr()
	all := make([]*pair, pairs)
	t.Run("pairs", func(t *testing.T) {
		for i := range pairs {
			t.Run(fmt.Sprint(i+1), func(t *testing.T) {
				t.Parallel()
				store := redis
				if i%2 == 1 {
					store = filepath.Join(t.TempDir(), "checkpoints.db")
				}
				all[i] = newPair(t, task{Store: store, Key: fmt.Sprintf("orders/%d", i+1), TTL: ttl})
				for n := range (*rounds + pairs - 1) / pairs {
					if err := all[i].round(); err != nil {
						t.Fatalf("round %d: %v", n+1, err)
					}
				}
				all[i].end()
			})
		}
	})
	total := judge(nil)
	suspends, stops := 0, 0
	for _, p := range all {
		total.add(judge(p.records))
		suspends, stops = suspends+p.suspends, stops+p.stops
	}
	t.Logf("%d suspends and %d pauses of holders: %d take-overs; %d events ended after the next grant, %d began after it; "+
		"a handler found its context alive up to %d times after it, of %d that are allowed; tenures ended: %v",
		suspends, stops-suspends, total.tenures, total.outlived, total.lateBegs, total.alive, mostAlive, total.ends)
	if err := total.err(); err != nil {
		t.Error(err)
	}
	if total.tenures < stops/4 {
		t.Errorf("%d stops led to %d take-overs: the test shows little", stops, total.tenures)
	}
}

// A pair is two processes that consume one key.
type pair struct {
	t               *testing.T
	processes       []*sleeper
	records         []record
	holder          *sleeper // the last that was granted the lease
	began           time.Time
	suspends, stops int
}

func newPair(t *testing.T, each task) *pair {
	t.Helper()
	p := &pair{t: t}
	t.Cleanup(func() {
		for _, one := range p.processes {
			one.kill()
		}
	})
	for _, owner := range []string{"a", "b"} {
		each.Owner = owner
		one, err := startProcess(each, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		p.processes = append(p.processes, one)
	}
	return p
}

// round sends the holder away at a random moment of its work.
func (p *pair) round() error {
	if err := p.atWork(wall()); err != nil {
		return err
	}
	time.Sleep(rand.N(ttl / 2))
	isSuspend := standstill.Supported && rand.N(2) == 0
	if p.stops++; isSuspend {
		p.suspends++
	}
	return p.holder.away(rand.N(2*ttl), isSuspend)
}

// atWork waits until an event has begun after since.
func (p *pair) atWork(since time.Time) error {
	for deadline := time.Now().Add(patience); !p.began.After(since); time.Sleep(5 * time.Millisecond) {
		if err := p.read(); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nobody is at work after %v", patience)
		}
		for _, one := range p.processes {
			if err := one.Died(); err != nil {
				return err
			}
		}
	}
	return nil
}

// read takes what the processes have recorded meanwhile.
func (p *pair) read() error {
	for _, one := range p.processes {
		recorded, err := one.records.Read()
		if err != nil {
			return err
		}
		for _, r := range recorded {
			switch r.What {
			case granted:
				p.holder = one
			case handled:
				if r.began().After(p.began) {
					p.began, p.holder = r.began(), one
				}
			}
		}
		p.records = append(p.records, recorded...)
	}
	return nil
}

func (p *pair) end() {
	p.t.Helper()
	for _, one := range p.processes {
		if err := one.end(); err != nil {
			p.t.Error(err)
		}
	}
	if err := p.read(); err != nil {
		p.t.Error(err)
	}
}
