package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// turns are how many walks there may be at a time. Each holds a connection, and
// a slow caller holds it for long: other calls must still get one.
type turns struct {
	pool     int // of a client, or, in a cluster, of each node's; zero: not known
	patience time.Duration
	taken    chan struct{}
}

func newTurns(client redis.UniversalClient) turns {
	o := new(redis.Options)
	switch c := client.(type) {
	case interface{ Options() *redis.Options }:
		o = c.Options()
	case *redis.ClusterClient:
		all := c.Options()
		o.PoolSize, o.MaxActiveConns = all.PoolSize, all.MaxActiveConns
		o.PoolTimeout = cmp.Or(all.PoolTimeout, all.ReadTimeout+time.Second) // the default, which its nodes' clients set
	}
	pool := o.PoolSize
	if o.MaxActiveConns > 0 {
		pool = min(pool, o.MaxActiveConns)
	}
	return turns{pool: pool, patience: o.PoolTimeout, taken: make(chan struct{}, max(1, pool/2))}
}

var errPoolOfOne = errors.New("redisstore: a walk (Scan, GetAll, Clear) holds a connection until it ends, " +
	"and the client's pool has no other: raise PoolSize, or MaxActiveConns")

func (t *turns) take(ctx context.Context) error {
	if t.pool == 1 {
		return errPoolOfOne
	}
	select {
	case t.taken <- struct{}{}: // also without patience
		return nil
	default:
	}
	patience := time.NewTimer(t.patience)
	defer patience.Stop()
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
		return fmt.Errorf("redisstore: %d walks (Scan, GetAll, Clear) hold a connection each, which is all that they may of a pool of %d, "+
			"and none ended within %v: end loops sooner, or raise PoolSize", cap(t.taken), t.pool, t.patience)
	}
}

func (t *turns) giveBack() { <-t.taken }
