package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// maxPipeline bounds how many keys of one call are under way at a time, and so
// how long they occupy the server and how much either side buffers.
const maxPipeline = 1000

// Write implements [driver.Driver].
func (d *Driver) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	if err := d.ready(ctx); err != nil {
		for i := range results {
			results[i] = driver.Result{Outcome: driver.Failed, Err: err}
		}
		return results, nil
	}
	late := make(map[string]bool) // keys
	for from := 0; from < len(writes); from += maxPipeline {
		todo := make([]int, min(maxPipeline, len(writes)-from))
		for i := range todo {
			todo[i] = from + i
		}
		for len(todo) > 0 {
			var round []int
			round, todo = nextRound(writes, todo)
			round = slices.DeleteFunc(round, func(i int) bool {
				if late[writes[i].Key] {
					results[i] = driver.Result{Outcome: driver.Failed, Err: errOnTheWay}
				}
				return late[writes[i].Key]
			})
			_ = inParallel(len(round), func(from, to int) error {
				d.writeRound(ctx, writes, round[from:to], results)
				return nil
			})
			for _, i := range round {
				if onTheWay(results[i]) {
					late[writes[i].Key] = true
				}
			}
		}
	}
	return results, nil
}

// onTheWay reports whether a write may still arrive.
func onTheWay(r driver.Result) bool {
	return r.Outcome == driver.Unknown && !errors.As(r.Err, new(unconfirmedError))
}

// errOnTheWay: the earlier write could arrive after this one, and undo it.
var errOnTheWay = errors.New("redisstore: not sent, since whether an earlier write of the call to this key has landed is unknown")

// nextRound takes as many of the writes as have distinct keys. Within a round
// a redirect or an unknown script may send a write later than its neighbours;
// writes to the same key keep their order because they are in different rounds.
func nextRound(writes []driver.Write, todo []int) (round, rest []int) {
	if len(todo) == 1 {
		return todo, nil
	}
	seen := make(map[string]bool, len(todo))
	for _, i := range todo {
		if key := writes[i].Key; seen[key] {
			rest = append(rest, i)
		} else {
			seen[key] = true
			round = append(round, i)
		}
	}
	return round, rest
}

// writeRound sends the writes of a round by the script's name, and the script
// itself where a server does not know it.
func (d *Driver) writeRound(ctx context.Context, writes []driver.Write, round []int, results []driver.Result) {
	for _, byName := range []bool{true, false} {
		cmds := make([]command, 0, len(round))
		sent := make([]int, 0, len(round))
		for _, i := range round {
			if !d.fenced && (writes[i].Epoch != 0 || writes[i].Mode == driver.Rewind) {
				results[i] = driver.Result{Outcome: driver.Failed, Err: errNoFences}
				continue
			}
			cmds = append(cmds, d.writeCommand(ctx, byName, &writes[i]))
			sent = append(sent, i)
		}
		if len(cmds) == 0 {
			return
		}
		found, err := d.sendChanges(ctx, cmds...)
		if err != nil {
			outcome := driver.Unknown
			if errors.As(err, new(notSentError)) {
				outcome = driver.Failed
			}
			for _, i := range sent {
				results[i] = driver.Result{Outcome: outcome, Err: err}
			}
			return
		}
		round = nil
		for n, i := range sent {
			reply, err := cmds[n].answer()
			if byName && isNoScript(err) {
				round = append(round, i)
				continue
			}
			results[i] = confirmed(&writes[i], d.result(&writes[i], reply, err), found.of(n))
		}
		if round == nil {
			return
		}
		if err := d.ready(ctx); err != nil {
			for _, i := range round {
				results[i] = driver.Result{Outcome: driver.Failed, Err: err}
			}
			return
		}
	}
}

var errNoFences = errors.New("redisstore: a driver with Options.Prefix has no fences: it writes without an epoch only, and grants no leases")

var modes = [...]string{driver.Set: "s", driver.IfNewer: "n", driver.Rewind: "r", driver.Touch: "t"}

// A stamp is a millisecond as it is stored.
type stamp struct {
	milli int64
	text  any
}

// stamp is t as it is stored. The writes of one millisecond share it.
func (d *Driver) stamp(t time.Time) any {
	milli := t.UnixMilli()
	s := d.lastStamp.Load()
	if s == nil || s.milli != milli {
		s = &stamp{milli, t.UTC().Format(timeLayout)}
		d.lastStamp.Store(s)
	}
	return s.text
}

// timeLayout is that of JavaScript's Date.prototype.toISOString.
const timeLayout = "2006-01-02T15:04:05.000Z"

func (d *Driver) writeCommand(ctx context.Context, byName bool, w *driver.Write) command {
	args := writeScript.call(make([]any, 0, 8), byName)
	if w.Epoch != 0 || w.Mode == driver.Rewind {
		args = append(args, "2", d.prefix+w.Key, d.fenceKey(w.Key))
	} else {
		args = append(args, "1", d.prefix+w.Key)
	}
	args = append(args, w.Position.Commit, w.Position.Prepare, d.stamp(w.UpdatedAt))
	ttl := func() any { return strconv.FormatInt(int64(w.TTL/time.Millisecond), 10) }
	epoch := func() any { return strconv.FormatUint(w.Epoch, 10) }
	switch { // the script knows what the usual write leaves out
	case w.LogID != "":
		args = append(args, ttl(), epoch(), modes[w.Mode], w.LogID)
	case w.Mode != driver.IfNewer:
		args = append(args, ttl(), epoch(), modes[w.Mode])
	case w.Epoch != 0:
		args = append(args, ttl(), epoch())
	case w.TTL != 0:
		args = append(args, ttl())
	}
	return change(ctx, args...)
}

// result reads the script's answer.
func (d *Driver) result(w *driver.Write, reply any, err error) driver.Result {
	if err != nil {
		return d.failure(err)
	}
	code, detail := decodeReply(reply)
	failed := func(err error) driver.Result { return driver.Result{Outcome: driver.Failed, Err: err} }
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
		return failed(checkpoint.ErrNotFound)
	case int64(7):
		return failed(driver.ErrEpochExhausted)
	case int64(8):
		return failed(damagedFence(d.fenceKey(w.Key), detail.text(0)))
	}
	return driver.Result{Outcome: driver.Unknown, Err: fmt.Errorf("redisstore: the script answered %v", reply)}
}

// failure tells what an error means for a write.
func (d *Driver) failure(err error) driver.Result {
	if d.neverRan(err) {
		return driver.Result{Outcome: driver.Failed, Err: err}
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
