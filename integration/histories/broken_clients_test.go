package histories

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// misunderstandings are of a reply that was lost.
var misunderstandings = map[string]func(engine) engine{
	"sends a Set again":           func(e engine) engine { return stubborn{e} },
	"takes a failure for nothing": func(e engine) engine { return blind{e} },
	"takes Unknown for Failed":    func(e engine) engine { return hopeless{e} },
	"asks for a lease again":      func(e engine) engine { return insisting{e} },
	"takes a failure for a lease": func(e engine) engine { return resigned{e} },
}

// TestBrokenClients breaks what is made of a failure on a real connection,
// and that must be found.
func TestBrokenClients(t *testing.T) {
	t.Parallel()
	first := chooseSeed(t)
	for where, start := range sites {
		for name, misunderstand := range misunderstandings {
			t.Run(where+" "+name, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				engines := []engine{misunderstand(s.proxied()), s.direct()}
				find(t, first, engines, s.loseReplies)
			})
		}
	}
}

// enoughRounds are played at least before something broken counts as not found.
const enoughRounds = 30

// find plays rounds until nothing explains a history.
func find(t *testing.T, first uint64, engines []engine, disturb func(h *history)) {
	t.Helper()
	// One round in five finds what is rare. On a busy machine a round takes many seconds.
	for deadline, i := time.Now().Add(4*patience), uint64(0); ; i++ {
		h := newHistory(strconv.FormatUint(i, 10))
		play(t, h, first+i, engines, func() { disturb(h) })
		err := h.check()
		if errors.Is(err, errNotLinearizable) || errors.Is(err, errAudit) || errors.Is(err, driver.ErrCorrupt) {
			t.Logf("found in round %d: %v", i+1, err)
			return
		}
		if err != nil || i+1 >= enoughRounds && time.Now().After(deadline) {
			t.Fatalf("not found in %d rounds, %v", i+1, err)
		}
	}
}

// stubborn repeats a Set until it is answered, and backs off in between.
type stubborn struct{ engine }

func (d stubborn) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	return each(writes, func(w *driver.Write) driver.Result {
		r := one(ctx, d.engine, w)
		for w.Mode == driver.Set && r.Outcome == driver.Unknown && ctx.Err() == nil {
			pause(ctx, 20*time.Millisecond)
			r = one(ctx, d.engine, w)
		}
		return r
	})
}

// blind takes a Get that has failed for one that found nothing.
type blind struct{ engine }

func (d blind) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	records, err := d.engine.Get(ctx, keys)
	if err != nil {
		records = make([]driver.Record, len(keys))
	}
	for i := range records {
		if err != nil || records[i].Err != nil {
			records[i] = driver.Record{Key: keys[i], Err: driver.ErrNotFound}
		}
	}
	return records, nil
}

// hopeless takes what was sent for lost where it has no answer.
type hopeless struct{ engine }

func (d hopeless) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results, err := d.engine.Write(ctx, writes)
	for i := range results {
		if results[i].Outcome == driver.Unknown {
			results[i].Outcome = driver.Failed
		}
	}
	return results, err
}

// insisting asks for a lease until there is an answer.
type insisting struct{ engine }

func (d insisting) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return eachLease(leases, func(l driver.Lease) (driver.Lease, error) {
		for {
			got, err := oneLease(ctx, d.engine.Acquire, l)
			if err == nil || errors.Is(err, driver.ErrLeaseHeld) || ctx.Err() != nil {
				return got, err
			}
			pause(ctx, 20*time.Millisecond)
		}
	})
}

// resigned takes a lease for another's where there is no answer.
type resigned struct{ engine }

func (d resigned) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return eachLease(leases, func(l driver.Lease) (driver.Lease, error) {
		l, err := oneLease(ctx, d.engine.Acquire, l)
		if err != nil && !errors.Is(err, driver.ErrLeaseHeld) {
			err = &driver.LeaseHeldError{Owner: "a", ExpiresAt: time.Now().Add(time.Hour)}
		}
		return l, err
	})
}

func (d resigned) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return eachLease(leases, func(l driver.Lease) (driver.Lease, error) {
		l, err := oneLease(ctx, d.engine.Renew, l)
		if err != nil {
			err = driver.ErrFenced
		}
		return l, err
	})
}
