package redisstore

import (
	"errors"
	"fmt"
	"net"
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

// failure tells what an error means for a write.
func (d *Driver) failure(err error) driver.Result {
	if d.neverRan(err) {
		return failed(err)
	}
	return driver.Result{Outcome: driver.Unknown, Err: err}
}

// refusals are the answers of a server that refuses a command before it runs,
// or a script at its first write, when nothing has been written.
var refusals = []string{"OOM", "READONLY", "MISCONF", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "CROSSSLOT"}

// neverRan reports whether err shows that a command changed nothing.
func (d *Driver) neverRan(err error) bool {
	if fromServer(err) {
		for _, prefix := range refusals {
			if redis.HasErrorPrefix(err, prefix) {
				return true
			}
		}
	}
	if d.replicas.min > 0 && isRedirect(err) {
		return true
	}
	if _, ok := d.client.(*redis.Client); !ok && d.replicas.min == 0 {
		// A cluster client sends a command again after a redirect, or where it got
		// no connection. If the answer is then lost, the first error stays.
		return false
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return true
	}
	if errors.Is(err, redis.ErrClosed) || errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) {
		return true
	}
	for _, prefix := range []string{"NOAUTH", "WRONGPASS", "NOPERM", "LOADING"} {
		// Within the script a missing permission may come between two writes.
		if redis.HasErrorPrefix(err, prefix) && !strings.Contains(err.Error(), "script: ") {
			return true
		}
	}
	return false
}
