package redisstore

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

// result reads the script's answer.
func (d *Driver) result(w *driver.Write, reply any, err error) driver.Result {
	if err != nil {
		return d.failure(err)
	}
	code, detail := decodeReply(reply)
	switch code {
	case int64(1):
		if len(detail) == 0 {
			return driver.Result{Outcome: driver.Advanced}
		}
		epoch, _ := strconv.ParseUint(detail.text(0), 10, 64)
		return driver.Result{Outcome: driver.Advanced, Epoch: epoch}
	case int64(2):
		return driver.Result{Outcome: driver.Unchanged}
	case int64(3):
		return driver.Result{Outcome: driver.Stale}
	case int64(4):
		fence, _ := strconv.ParseUint(detail.text(0), 10, 64)
		return driver.Result{Outcome: driver.Fenced, Epoch: fence}
	case int64(5):
		if len(detail) == 1 {
			return failed(missingField(d.prefix+w.Key, detail.text(0)))
		}
		return failed(damaged(d.prefix+w.Key, detail.text(0), detail.text(1)))
	case int64(6):
		return failed(driver.ErrNotFound)
	case int64(7):
		return failed(driver.ErrEpochExhausted)
	case int64(8):
		return failed(damagedFence(d.fenceKey(w.Key), detail))
	}
	return driver.Result{Outcome: driver.Unknown, Err: fmt.Errorf("redisstore: the script answered %v", reply)}
}

// failure returns the result of a write that failed with err.
func (d *Driver) failure(err error) driver.Result {
	if d.neverRan(err) {
		return failed(err)
	}
	return driver.Result{Outcome: driver.Unknown, Err: err}
}

// refusals are the answers of a server that refuses a command before the
// command runs, or a script at its first write. Nothing has been written then.
var refusals = []string{"OOM", "READONLY", "MISCONF", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "CROSSSLOT"}

// denials are the answers of a server that refuses a connection or a user. It
// may do so before a command runs, or within a script, between two of its
// writes.
var denials = []string{"NOAUTH", "WRONGPASS", "NOPERM", "LOADING"}

// neverRan reports whether err shows that a command changed nothing.
func (d *Driver) neverRan(err error) bool {
	switch {
	case errors.As(err, new(notSentError)), hasPrefix(err, refusals), d.redirected(err):
		return true
	case d.pipelines.cluster != nil && !d.pipelines.confirm.asked():
		// A cluster client sends a command again after a redirect, or if it got no
		// connection. If the answer to the second attempt is lost, the client
		// reports the first error.
		return false
	case hasPrefix(err, denials):
		return !strings.Contains(err.Error(), "script: ")
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial" ||
		errors.Is(err, redis.ErrClosed) || errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted)
}

func hasPrefix(err error, prefixes []string) bool {
	return fromServer(err) && slices.ContainsFunc(prefixes, func(prefix string) bool { return redis.HasErrorPrefix(err, prefix) })
}
