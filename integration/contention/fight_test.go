package contention

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/network"
)

// An attack is what the supervisor does to the owner of the lease.
type attack string

const (
	kill    attack = "kill"          // SIGKILL, and a new instance instead
	stop    attack = "stop"          // SIGSTOP until another has the lease, then SIGCONT
	cut     attack = "cut off"       // from the store, until it has lost the lease; what it sends is lost
	holdOff attack = "cut off, late" // the same, but what it sends arrives when the cut heals
)

var everyAttack = []attack{kill, stop, cut, holdOff}

// A fight is some instances and the attacks on whoever owns the lease.
type fight struct {
	*arena
	random  *rand.Rand
	attacks []attack
	took    map[attack][]time.Duration // how long until another instance had the lease
}

func (f *fight) begin(instances int) error {
	for range instances {
		if _, err := f.startNext(); err != nil {
			return err
		}
	}
	return nil
}

// fight makes so many attacks.
func (f *fight) fight(rounds int) error {
	f.took = map[attack][]time.Duration{}
	for i := range rounds {
		with := f.attacks[f.random.IntN(len(f.attacks))]
		for done := false; !done; {
			var err error
			if done, err = f.attack(with); err != nil {
				return fmt.Errorf("round %d, %s: %w", i+1, with, err)
			}
		}
	}
	return nil
}

// attack attacks the owner at a random moment of its work. It is false if the
// tenure was over before.
func (f *fight) attack(with attack) (bool, error) {
	owner, tenure, err := f.ownerAtWork(f.random.IntN(100))
	if err != nil {
		return false, err
	}
	since := time.Now()
	var took time.Duration
	done := true
	if with == kill {
		f.kill(owner)
		if _, err := f.startNext(); err != nil {
			return false, err
		}
		took, err = f.takenOver(tenure, since)
	} else {
		took, done, err = f.exclude(with, owner, tenure, since)
	}
	if done && took > 0 {
		f.took[with] = append(f.took[with], took)
	}
	return done, err
}

// exclude keeps the owner from the store for longer than its lease, and expects
// of it what is expected of a zombie.
func (f *fight) exclude(with attack, owner *fighter, t *tenure, since time.Time) (took time.Duration, done bool, err error) {
	begin, end := owner.Stop, owner.GoOn
	if with != stop {
		begin = func() error { return owner.proxy.Hurt(network.Cut(with == holdOff)...) }
		end = owner.proxy.Heal
	}
	if err := begin(); err != nil {
		return 0, false, err
	}
	over := false
	f.evidence.look(func() { over = t.ended != "" })
	if over {
		return 0, false, end()
	}
	if took, err = f.takenOver(t, since); err != nil {
		return 0, false, err
	}
	if with != stop {
		if err := f.until("an instance that is cut off ends by itself", func() bool { return t.ended != "" }); err != nil {
			return 0, false, err
		}
	}
	if err := end(); err != nil {
		return 0, false, err
	}
	err = f.until("a zombie ends, and waits for the lease again", func() bool {
		if t.zombie != "" && t.zombie != refused {
			f.evidence.violated(errNotRefused, "that of %s with epoch %d was %s", t.owner, t.epoch, t.zombie)
		}
		return t.zombie != "" && f.evidence.takesPart(t)
	})
	return took, true, err
}

// lastStanding kills every owner of the lease but the last, without a new
// instance instead, and calls off the last. So all that are left take part.
func (f *fight) lastStanding() error {
	for len(f.live) > 1 {
		owner, t, err := f.ownerAtWork(1)
		if err != nil {
			return err
		}
		f.kill(owner)
		if _, err := f.takenOver(t, time.Now()); err != nil {
			return err
		}
	}
	owner, _, err := f.ownerAtWork(1)
	if err != nil {
		return err
	}
	if err := f.callOff(owner); err != nil {
		return err
	}
	if err := f.exit(owner); err != nil {
		return err
	}
	f.unwatch()
	f.observe()
	switch entries, err := f.store.History(context.Background(), key, driver.AuditEntries); {
	case err == nil:
		f.evidence.audit(entries)
	case !errors.Is(err, checkpoint.ErrUnsupported):
		return err
	}
	return f.evidence.violations(nil)
}

// report logs how long it took until another instance had the lease.
func (f *fight) report() {
	f.t.Helper()
	for _, with := range f.attacks {
		if took := f.took[with]; len(took) > 0 {
			f.t.Logf("%-13s %3d times; the next instance had the lease after %v, %v at most",
				with, len(took), median(took).Round(time.Millisecond), slices.Max(took).Round(time.Millisecond))
		}
	}
}

func median[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}
