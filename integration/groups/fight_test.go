package groups

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/network"
)

// A fault is what the supervisor does to a member.
type fault string

const (
	kill    fault = "kill"          // SIGKILL
	stop    fault = "stop"          // SIGSTOP for longer than the TTL, then SIGCONT
	callOff fault = "call off"      // SIGTERM
	cut     fault = "cut off"       // from the store, for longer than the TTL; what it sends is lost
	holdOff fault = "cut off, late" // the same, but what it sends arrives when the cut heals
	storm   fault = "join"          // three new members at once
)

// A fight is a group under attack.
type fight struct {
	*arena
	random  *rand.Rand
	faults  []fault
	members int
	took    []time.Duration // how long until all was balanced again
}

// random can be repeated: what the supervisor does, not when the machine does it.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	s := cmp.Or(*seed, rand.Uint64())
	t.Logf("-seed %d repeats this run", s)
	return rand.New(rand.NewPCG(s, 0))
}

// begin starts the members.
func (f *fight) begin() error {
	if err := f.start(f.members, ""); err != nil {
		return err
	}
	_, err := f.balanced()
	return err
}

// fight makes so many rounds. Each begins with all members, and ends when all is quiet.
func (f *fight) fight(rounds int) error {
	for i := range rounds {
		with := f.choose()
		if err := f.round(with); err != nil {
			return fmt.Errorf("round %d, %v: %w", i+1, with, err)
		}
	}
	return nil
}

// choose returns the faults of a round, one to three.
func (f *fight) choose() []fault {
	with := make([]fault, 1+f.random.IntN(3))
	for i := range with {
		with[i] = f.faults[f.random.IntN(len(f.faults))]
	}
	return with
}

func (f *fight) round(with []fault) error {
	victims := slices.Clone(f.live)
	f.random.Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
	var heals []func() error
	for i, one := range with {
		heal, err := f.strike(one, victims[i])
		if err != nil {
			return err
		}
		heals = append(heals, heal)
		time.Sleep(time.Duration(f.random.Int64N(int64(f.task.TTL / 2))))
	}
	time.Sleep(f.task.TTL + time.Duration(f.random.Int64N(int64(f.task.TTL))))
	for _, heal := range heals {
		if err := heal(); err != nil {
			return err
		}
	}
	for len(f.live) > f.members {
		if err := f.callOff(f.live[f.random.IntN(len(f.live))]); err != nil {
			return err
		}
	}
	if err := f.start(f.members-len(f.live), ""); err != nil {
		return err
	}
	took, err := f.balanced()
	if err != nil {
		return err
	}
	f.took = append(f.took, took)
	f.quiet()
	return f.verdict()
}

// strike begins a fault, and returns what ends it.
func (f *fight) strike(with fault, victim *fighter) (heal func() error, err error) {
	nothing := func() error { return nil }
	switch with {
	case kill:
		f.kill(victim)
		return nothing, nil
	case stop:
		return func() error { return f.goOn(victim) }, f.stop(victim)
	case callOff:
		return nothing, f.callOff(victim)
	case cut, holdOff:
		return victim.line.Heal, victim.line.Hurt(network.Cut(with == holdOff)...)
	case storm:
		return nothing, f.start(3, "")
	}
	return nil, errors.New("no such fault")
}

func median[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}
