package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/memstore"
)

// engine is what a test of the rules needs of a driver.
type engine interface {
	driver.Driver
	driver.Leaser
	driver.Inspector
	driver.Fencer
	driver.Historian
	driver.Sampler
}

// Two drivers over one etcd, each of which remembers what it saw last, answer and store
// what a map of cells does. One of them takes no shortcuts.
func TestDecidesAsCellDoes(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		first := openEmpty(t, cluster)
		drivers := []engine{first, openWith(t, cluster, etcdstore.Options{Prefix: first.prefix, NoShortcuts: true})}
		model := memstore.New()
		var leases []driver.Lease
		for step := range 60 {
			op := anyOperation(random, leases)
			want, granted := op.run(t, model)
			got, _ := op.run(t, drivers[random.IntN(2)])
			if got != want {
				t.Fatalf("step %d, %s: %s, want %s", step, op.name, got, want)
			}
			leases = append(leases, granted...)
			if got, want := stored(t, drivers[random.IntN(2)]), stored(t, model); got != want {
				t.Fatalf("step %d, %s stores\n%s, want\n%s", step, op.name, got, want)
			}
		}
	}
}

// An operation answers in words, and with the leases that it was granted.
type operation struct {
	name string
	run  func(*testing.T, engine) (string, []driver.Lease)
}

func anyOperation(random *rand.Rand, leases []driver.Lease) operation {
	key := []string{"k", "l"}[random.IntN(2)]
	switch n := random.IntN(10); {
	case n < 5:
		w := write(driver.Mode(random.IntN(4)), key, random.Uint64N(4))
		w.Epoch, w.LogID = random.Uint64N(8), []string{"", "log"}[random.IntN(2)]
		w.TTL = []time.Duration{0, time.Hour}[random.IntN(2)]
		w.UpdatedAt = morning.Add(time.Duration(random.IntN(100)) * time.Minute)
		w.SampleBefore = w.UpdatedAt.Truncate(5 * time.Minute)
		w.By = []*driver.By{nil, {Actor: "ana"}}[random.IntN(2)]
		return operation{fmt.Sprintf("%+v", w), func(t *testing.T, e engine) (string, []driver.Lease) {
			t.Helper()
			r := writes(t, e, w)[0]
			if r.Outcome != driver.Fenced && w.Mode != driver.Rewind {
				r.Epoch = 0
			}
			return fmt.Sprint(r.Outcome, r.Epoch, kind(r.Err)), nil
		}}
	case n == 5:
		return operation{"Delete " + key, func(t *testing.T, e engine) (string, []driver.Lease) {
			t.Helper()
			n, err := e.Delete(t.Context(), []string{key})
			return fmt.Sprint(n, kind(err)), nil
		}}
	case n == 6:
		return operation{"RaiseFence " + key, func(t *testing.T, e engine) (string, []driver.Lease) {
			t.Helper()
			n, err := e.RaiseFence(t.Context(), key, 0)
			return fmt.Sprint(n, kind(err)), nil
		}}
	case n == 7 && len(leases) > 0:
		return ofLease("Release", driver.Leaser.Release, leases[random.IntN(len(leases))])
	case n == 8 && len(leases) > 0:
		return ofLease("Renew", driver.Leaser.Renew, leases[random.IntN(len(leases))])
	}
	return ofLease("Acquire", driver.Leaser.Acquire, driver.Lease{Key: key, Owner: []string{"a", "b"}[random.IntN(2)], TTL: time.Hour})
}

func ofLease(
	name string, call func(driver.Leaser, context.Context, []driver.Lease) ([]driver.LeaseResult, error), lease driver.Lease,
) operation {
	return operation{fmt.Sprintf("%s %+v", name, lease), func(t *testing.T, e engine) (string, []driver.Lease) {
		t.Helper()
		granted, err := driver.One(call(e, t.Context(), []driver.Lease{lease}))
		if err != nil {
			return fmt.Sprint(kind(err)), nil
		}
		return fmt.Sprint(granted.Owner, granted.Epoch, granted.TTL), []driver.Lease{granted}
	}}
}

func kind(err error) error {
	for _, e := range []error{driver.ErrNotFound, driver.ErrLeaseHeld, driver.ErrFenced, driver.ErrCorruptFence, driver.ErrEpochExhausted} {
		if errors.Is(err, e) {
			return e
		}
	}
	return err
}

var morning = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// told shows the audit entries of key, without times, and its samples.
func told(t *testing.T, e engine, key string) (all string) {
	t.Helper()
	entries, err := e.History(t.Context(), key, driver.AuditEntries)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all += fmt.Sprintln(e.Op, e.By, e.Old, e.New, e.OldEpoch, e.NewEpoch)
	}
	samples, err := e.Samples(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return all + fmt.Sprintln(samples)
}

// stored shows what is stored, without times.
func stored(t *testing.T, e engine) string {
	t.Helper()
	cells, err := e.Inspect(t.Context(), []string{"k", "l"})
	if err != nil {
		t.Fatal(err)
	}
	var all string
	for _, c := range cells {
		all += told(t, e, c.Key)
		all += fmt.Sprintln(c.Checkpoint.Exists, c.Checkpoint.Position, c.Checkpoint.Epoch, c.Checkpoint.LogID, c.Checkpoint.ExpiresAt.IsZero(),
			c.Checkpoint.Err, c.Fence.Epoch, c.Fence.Err, c.Lease.Owner, c.Lease.Epoch, c.Lease.TTL, c.Lease.Err)
	}
	return all
}
