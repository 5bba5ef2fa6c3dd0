package contention

import (
	"errors"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/engines"
	"github.com/checkpointstore/checkpoint/integration/internal/network"
)

// A relay is instances that work one after another. Each is called off under
// load, at a random moment of its work.
type relay struct {
	*arena
	random *rand.Rand
}

// newRelay starts the first instance. The shorter a call of the store may take,
// the sooner an outage shows, but also a machine that is busy.
func newRelay(t *testing.T, timeout, flushTimeout time.Duration) *relay {
	t.Helper()
	r := &relay{random: random(t), arena: newArena(t, task{
		Store: engines.Redis(t), TTL: patience, Timeout: timeout, FlushTimeout: flushTimeout,
		Workers: 8, Work: 2 * time.Millisecond,
	})}
	if _, err := r.start("instance-0"); err != nil {
		t.Fatal(err)
	}
	return r
}

// atWork is the owner after some events.
func (r *relay) atWork() (*fighter, *tenure) {
	r.t.Helper()
	p, tenure, err := r.ownerAtWork(r.random.IntN(1000))
	if err != nil {
		r.t.Fatal(err)
	}
	return p, tenure
}

// standby starts the next instance, and waits until it asks for the lease.
func (r *relay) standby() {
	r.t.Helper()
	p, err := r.startNext()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.until("the next instance is a standby", func() bool { return r.evidence.waits(p.Name) }); err != nil {
		r.t.Fatal(err)
	}
}

// successor is the tenure after t.
func (r *relay) successor(t *tenure) (next *tenure) {
	r.t.Helper()
	err := r.until("the next instance has the lease", func() bool {
		next = r.evidence.newest()
		return next.epoch > t.epoch
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return next
}

// wantWhole expects that t's last act was to store all that was acknowledged
// below the low watermark, and not more. That no later instance handles any of
// it again is a rule of the evidence.
func (r *relay) wantWhole(t, next *tenure) {
	r.t.Helper()
	if t.ended != calledOff || t.closed.IsZero() {
		r.t.Fatalf("%s ended: %s; want it called off and closed", t.owner, t.ended)
	}
	if next.resumed != t.done.upTo {
		r.t.Fatalf("%s was done up to %d when it exited, and %s resumed after %d", t.owner, t.done.upTo, next.owner, next.resumed)
	}
}

func (r *relay) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// TestShutdown calls off instances that work at full speed, with a standby
// beside.
func TestShutdown(t *testing.T) {
	t.Parallel()
	r := newRelay(t, patience, patience)
	var took []time.Duration
	for range 30 {
		r.standby()
		p, tenure := r.atWork()
		r.must(r.callOff(p))
		r.must(r.exit(p))
		next := r.successor(tenure)
		r.wantWhole(tenure, next)
		took = append(took, next.seen.Sub(tenure.closed))
	}
	t.Logf("after Close the standby had the lease in %v, %v at most", median(took).Round(time.Millisecond), slices.Max(took).Round(time.Millisecond))
}

// TestShutdownDuringAnOutage cuts the instance off from the store while it
// shuts down, for less than FlushTimeout.
func TestShutdownDuringAnOutage(t *testing.T) {
	t.Parallel()
	r := newRelay(t, time.Second, patience)
	for outages, rounds := 0, 0; outages < 6; rounds++ {
		if rounds == 20 {
			t.Fatalf("in %d rounds an instance had something left to store %d times", rounds, outages)
		}
		r.standby()
		p, tenure := r.atWork()
		r.must(p.proxy.Hurt(network.Cut(r.random.IntN(2) == 0)...))
		r.must(r.callOff(p))
		failing := false
		r.must(r.until("it cannot store what is done, or has nothing to store", func() bool {
			failing = tenure.ended != "" && tenure.failing > 0
			return failing || p.Died() != nil
		}))
		if !failing {
			// It could not release its lease. An instance of its name gets the lease at once.
			p.leave()
			_, err := r.start(p.Name)
			r.must(err)
			r.successor(tenure)
			continue
		}
		outages++
		r.must(p.proxy.Heal())
		r.must(r.exit(p))
		r.wantWhole(tenure, r.successor(tenure))
	}
}

// TestShutdownWithoutAStore never heals the cut.
func TestShutdownWithoutAStore(t *testing.T) {
	t.Parallel()
	r := newRelay(t, 200*time.Millisecond, 2*time.Second)
	for outages, rounds := 0, 0; outages < 2; rounds++ {
		if rounds == 10 {
			t.Fatalf("in %d rounds an instance had something left to store %d times", rounds, outages)
		}
		p, tenure := r.atWork()
		r.must(p.proxy.Hurt(network.Cut(false)...))
		r.must(r.callOff(p))
		err := r.exit(p)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Fatalf("%s: %v; want exit code 1", p.Name, err)
		}
		if said := p.Stderr.String(); strings.Contains(said, `setIfNewer "`+key+`"`) { // else it had nothing to store
			outages++
			if !strings.Contains(said, "timeout") {
				t.Fatalf("%s says %s; want it to name the timeout", p.Name, said)
			}
		}
		// The lease is still there. Who keeps its name gets it at once.
		_, err = r.start(p.Name)
		r.must(err)
		if next := r.successor(tenure); next.resumed > tenure.done.upTo {
			t.Fatalf("%s was done up to %d, and %s resumed after %d", tenure.owner, tenure.done.upTo, next.owner, next.resumed)
		}
	}
}
