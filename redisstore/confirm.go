package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

// A confirmation says who must have a change before its call succeeds.
type confirmation struct {
	replicas int
	fsync    bool
	timeout  time.Duration
	key      func(redisKey string) string // see nudgeText
}

func (c *confirmation) asked() bool { return c.replicas > 0 || c.fsync }

// nudgeText writes a key and removes it, so that replicas always get something.
// WAIT waits only for the writes of its own connection. A command may change
// nothing because an earlier one has made its change, and nobody knows whether
// replicas have that earlier change. Without the nudge, WAIT would not wait for
// it.
const nudgeText = "redis.call('HSET', KEYS[1], 'at', '0') return redis.call('UNLINK', KEYS[1])"

// exec sends changes to one server in one pipeline, with one WAIT after them. A key is one
// of theirs. Its error says why replicas, or a disk, may lack the changes.
func (c *confirmation) exec(ctx context.Context, server *redis.Client, key string, changes []redis.Cmder) error {
	nudge := change(ctx, "eval", nudgeText, "1", c.key(key))
	wait := change(ctx, "wait", c.replicas, c.timeout.Milliseconds())
	if c.fsync {
		wait = change(ctx, "waitaof", "1", c.replicas, c.timeout.Milliseconds())
	}
	exec(ctx, server, append(slices.Clip(changes), &nudge, &wait))
	if err := nudge.Err(); err != nil {
		return unconfirmedError{fmt.Errorf("redisstore: the master has the change, but nobody knows whether %s: %w", c, err)}
	}
	return c.doubt(wait)
}

// String says who must have a change.
func (c *confirmation) String() string {
	var who []string
	if c.fsync {
		who = append(who, "the disk has it")
	}
	if c.replicas > 0 {
		who = append(who, fmt.Sprintf("%d replicas have it", c.replicas))
	}
	return strings.Join(who, " and ")
}

func (c *confirmation) doubt(wait command) error {
	answer, err := wait.Result()
	var onDisk, have int64
	ok := err == nil
	if counts, both := answer.([]any); both && len(counts) == 2 {
		onDisk, _ = counts[0].(int64)
		have, ok = counts[1].(int64)
	} else if ok {
		have, ok = answer.(int64)
	}
	switch {
	case err == nil && !ok:
		err = unexpected("WAIT", answer)
	case err == nil && c.fsync && onDisk == 0:
		return unconfirmedError{fmt.Errorf("redisstore: the master has the change, but not on its disk after %v: a crash may lose it", c.timeout)}
	case err == nil && have < int64(c.replicas):
		return unconfirmedError{fmt.Errorf("redisstore: the master has the change, but only %d of %d replicas have it after %v: "+
			"a failover may lose it", have, c.replicas, c.timeout)}
	}
	if err != nil {
		return unconfirmedError{fmt.Errorf("redisstore: the master has the change, but nobody knows whether %s: %w", c, err)}
	}
	return nil
}

// unconfirmedError says why a change that the master has may be lost.
type unconfirmedError struct{ error }

func (e unconfirmedError) Unwrap() error { return e.error }

// confirmed is the result of w, which was answered by r, given the doubt about
// its confirmation. If the write changed nothing, r stands: there was nothing
// to confirm.
func confirmed(w *driver.Write, r driver.Result, doubt error) driver.Result {
	switch r.Outcome {
	case driver.Advanced, driver.Unchanged:
	case driver.Stale:
		if w.Epoch == 0 {
			return r
		}
		// It may have raised the fence.
	default:
		return r
	}
	if doubt != nil {
		return driver.Result{Outcome: driver.Unknown, Err: doubt}
	}
	return r
}

// defaultReplicaTimeout is well below a client's default read timeout.
const defaultReplicaTimeout = time.Second

// confirmation checks that a client with this read timeout can wait as o asks.
func (o *Options) confirmation(readTimeout time.Duration) (confirmation, error) {
	c := confirmation{replicas: o.MinReplicas, fsync: o.FsyncAOF, timeout: o.ReplicaTimeout}
	if c.timeout == 0 {
		c.timeout = defaultReplicaTimeout
	}
	switch {
	case c.replicas < 0:
		return c, fmt.Errorf("redisstore: MinReplicas is %d, it must not be negative", c.replicas)
	case !c.asked():
		return c, nil
	case c.timeout < time.Millisecond: // to Redis, zero means forever
		return c, fmt.Errorf("redisstore: ReplicaTimeout is %v, it must be a millisecond or more", c.timeout)
	case readTimeout > 0 && c.timeout >= readTimeout:
		return c, fmt.Errorf("redisstore: ReplicaTimeout is %v, it must be below the client's ReadTimeout of %v", c.timeout, readTimeout)
	}
	return c, nil
}
