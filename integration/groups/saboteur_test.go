package groups

import (
	"errors"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/engines"
)

// TestSaboteursOfAGroup breaks a member in one way after another, and expects the rule against it
// to be found broken. So the rules can fail.
func TestSaboteursOfAGroup(t *testing.T) {
	for _, c := range []struct {
		sabotage string
		want     error
	}{
		{"steals", errTwoOwners},
		{"never drains", errTwoOwners},
		{"is unguarded", errNotRefused},
		{"draws lots", errRestless},
		{"has no presence", errUnbalanced},
		{"is unfenced", errNotFenced},
		{"is unfenced", errWentBack},
		{"appoints itself", errSharedEpoch},
		{"forgets", errRepeated},
		{"hurries", errNotDone},
		{"skips", errSkipped},
	} {
		t.Run(c.sabotage+"/"+c.want.Error(), func(t *testing.T) {
			t.Parallel()
			// With 12 partitions each who joins is given one by each of the others.
			f := newFight(t, engines.Redis(t), 2, 12, 800*time.Millisecond)
			if err := f.begin(); err != nil {
				t.Fatal(err)
			}
			f.patience = 4 * f.task.TTL
			for range 10 {
				for _, step := range f.provocations(c.sabotage) {
					if err := errors.Join(step(), f.verdict()); errors.Is(err, c.want) {
						return
					}
				}
			}
			t.Errorf("the evidence does not say that %v, but: %v", c.want, f.verdict())
		})
	}
}

// provocations let a saboteur join, be stopped for longer than its leases, give partitions
// away to a newcomer, and die.
func (f *fight) provocations(sabotage string) []func() error {
	var broken, newcomer *fighter
	join := func(sabotage string) (*fighter, error) {
		if err := f.start(1, sabotage); err != nil {
			return nil, err
		}
		_, err := f.balanced()
		return f.live[len(f.live)-1], err
	}
	return []func() error{
		func() (err error) {
			broken, err = join(sabotage)
			return err
		},
		func() error {
			f.quiet()
			return nil
		},
		func() error {
			err := f.stop(broken)
			time.Sleep(2 * f.task.TTL)
			err = errors.Join(err, f.goOn(broken))
			time.Sleep(f.task.TTL)
			return err
		},
		func() (err error) {
			newcomer, err = join("")
			return err
		},
		func() error {
			f.kill(newcomer)
			f.kill(broken)
			return nil
		},
	}
}
