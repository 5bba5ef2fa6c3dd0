package histories

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// An engine is what is tested of a [driver.Driver].
type engine interface {
	Get(ctx context.Context, keys []string) ([]driver.Record, error)
	Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error)
	Delete(ctx context.Context, keys []string) (int, error)
	driver.Leaser
	RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error)
}

// A client works on the keys of a history, one call after another.
type client struct {
	id     int
	engine engine
	random *rand.Rand
	*history
}

// clients numbers the clients and seeds them.
type clients struct {
	seed uint64
	n    int
}

func (c *clients) next(e engine, h *history) *client {
	c.n++
	return &client{id: c.n - 1, engine: e, random: rand.New(rand.NewPCG(c.seed, uint64(c.n))), history: h}
}

// work goes on until ctx ends. It ends no call.
func (c *client) work(ctx context.Context) {
	for ctx.Err() == nil {
		limit := patience
		if c.random.IntN(20) == 0 {
			limit = time.Duration(c.random.Int64N(int64(2 * time.Millisecond))) // ends it half-way
		}
		attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		c.step(attempt)
		cancel()
		pause(ctx, time.Duration(c.random.Int64N(int64(time.Millisecond))))
	}
}

// step makes one call on one key, or on all.
func (c *client) step(ctx context.Context) {
	if c.random.IntN(10) != 0 {
		c.do(ctx, c.begin(c.random.IntN(keysAtOnce), c.id, c.choose))
		return
	}
	choose := c.choose
	switch c.random.IntN(6) {
	case 0, 1:
		choose = func(*record) input { return input{method: get} }
	case 2:
		choose = c.chooseLease
	}
	var calls []call
	for i := range keysAtOnce {
		calls = append(calls, c.begin(i, c.id, choose))
	}
	c.do(ctx, calls...)
}

// do carries out operations that have begun.
func (c *client) do(ctx context.Context, calls ...call) {
	var reads, writes []*call
	leases := make(map[method][]*call)
	for i := range calls {
		switch o := &calls[i]; o.in.method {
		case get:
			reads = append(reads, o)
		case write:
			writes = append(writes, o)
		case remove:
			c.remove(ctx, o)
		case raise:
			c.raise(ctx, o)
		default:
			leases[o.in.method] = append(leases[o.in.method], o)
		}
	}
	for _, m := range []method{acquire, renew, release} {
		if leases[m] != nil {
			c.hold(ctx, m, leases[m])
		}
	}
	if writes != nil {
		c.write(ctx, writes)
	}
	if reads != nil {
		c.read(ctx, reads)
	}
}

func (c *client) read(ctx context.Context, calls []*call) {
	keys := make([]string, len(calls))
	for i, o := range calls {
		keys[i] = o.key
	}
	records, err := c.engine.Get(ctx, keys)
	for i, o := range calls {
		var r driver.Record
		recordErr := err
		if err == nil {
			r = records[i]
			recordErr = r.Err
		}
		switch {
		case recordErr == nil:
			c.end(o, output{exists: true, stored: stored{r.Position, r.Epoch, r.UpdatedAt.UnixMilli(), r.LogID, c.hour(r.ExpiresAt)}})
		case errors.Is(recordErr, driver.ErrNotFound):
			c.end(o, output{})
		default:
			c.fail(o, recordErr)
		}
	}
}

func (c *client) write(ctx context.Context, calls []*call) {
	writes := make([]driver.Write, len(calls))
	for i, o := range calls {
		writes[i] = o.in.write
	}
	results, err := c.engine.Write(ctx, writes)
	for i, o := range calls {
		out := output{unknown: true}
		if err == nil && results[i].Outcome != driver.Unknown {
			nothing := o.in.write.Mode == driver.Touch && errors.Is(results[i].Err, driver.ErrNotFound)
			if results[i].Outcome == driver.Failed && !nothing {
				c.fail(o, results[i].Err)
				continue
			}
			out = output{outcome: results[i].Outcome}
			if o.in.write.Mode == driver.Rewind || out.outcome == driver.Fenced {
				out.fence = results[i].Epoch
			}
		}
		c.end(o, out)
	}
}

func (c *client) remove(ctx context.Context, o *call) {
	n, err := c.engine.Delete(driver.WithBy(ctx, *nameOf(&o.in.write)), []string{o.key})
	c.end(o, output{unknown: err != nil, exists: err == nil && n == 1})
}

func (c *client) raise(ctx context.Context, o *call) {
	fence, err := c.engine.RaiseFence(driver.WithBy(ctx, *nameOf(&o.in.write)), o.key, o.in.write.Epoch)
	if errors.Is(err, driver.ErrCorrupt) {
		c.fail(o, err)
		return
	}
	c.end(o, output{unknown: err != nil, fence: fence})
}

// hold acquires, renews or releases leases.
func (c *client) hold(ctx context.Context, m method, calls []*call) {
	leases := make([]driver.Lease, len(calls))
	for i, o := range calls {
		leases[i] = o.in.lease
	}
	do := c.engine.Acquire
	switch m {
	case renew:
		do = c.engine.Renew
	case release:
		do = c.engine.Release
	}
	results, err := do(ctx, leases)
	for i, o := range calls {
		if err != nil {
			c.held(o, driver.LeaseResult{Err: err})
		} else {
			c.held(o, results[i])
		}
	}
}

// held ends a call with the answer that it got. What is no answer may have landed.
func (c *client) held(o *call, r driver.LeaseResult) {
	l, err := r.Lease, r.Err
	var held *driver.LeaseHeldError
	switch {
	case err == nil && o.in.method == release, o.in.method == renew && errors.Is(err, driver.ErrFenced):
		c.end(o, output{})
	case err == nil:
		out := output{granted: true, lease: leased{l.Owner, l.Epoch, c.hour(l.ExpiresAt)}}
		if o.in.method == acquire {
			out.fence = l.Epoch
		}
		c.end(o, out)
	case errors.As(err, &held):
		c.end(o, output{lease: leased{owner: held.Owner, expires: c.hour(held.ExpiresAt)}})
	case errors.Is(err, driver.ErrCorrupt):
		c.fail(o, err)
	default:
		c.end(o, output{unknown: true})
	}
}

// pause waits, unless ctx ends sooner.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
