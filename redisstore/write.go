package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// maxPipeline bounds how many keys of one call are under way at a time. So it
// bounds how long they occupy the server and how much either side buffers.
const maxPipeline = 1000

// Write implements [driver.Driver].
func (d *Driver) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	if len(writes) == 1 {
		b := batchOfWrites{d, writes, results, nil}
		if !b.refuse(0) {
			b.sendPart(ctx, []int{0})
		}
		d.publish(ctx, rewound(writes, results))
		return results, nil
	}
	unsure := make(map[string]bool)
	for from := 0; from < len(writes); from += maxPipeline {
		to := min(from+maxPipeline, len(writes))
		b := batchOfWrites{d, writes[from:to], results[from:to], unsure}
		b.send(ctx)
	}
	d.publish(ctx, rewound(writes, results))
	return results, nil
}

// rewound returns the keys whose lease a rewind has ended.
func rewound(writes []driver.Write, results []driver.Result) (keys []string) {
	for i := range writes {
		if writes[i].Mode == driver.Rewind && results[i].Outcome.Landed() {
			keys = append(keys, writes[i].Key)
		}
	}
	return keys
}

// A batchOfWrites sends writes so that the writes to one key land in their
// order.
type batchOfWrites struct {
	driver  *Driver
	writes  []driver.Write
	results []driver.Result // of the writes
	unsure  map[string]bool // keys to which a write may still be on its way
}

func (b *batchOfWrites) send(ctx context.Context) {
	key := func(i int) string { return b.writes[i].Key }
	eachRound(len(b.writes), len(b.writes), key, func(part []int) {
		if part = slices.DeleteFunc(slices.Clone(part), b.refuse); len(part) > 0 {
			b.sendPart(ctx, part)
		}
	}, func(round []int) {
		for _, i := range round {
			if onTheWay(b.results[i]) {
				b.unsure[b.writes[i].Key] = true
			}
		}
	})
}

// refuse fails a write that must not be sent.
func (b *batchOfWrites) refuse(i int) bool {
	w := &b.writes[i]
	var err error
	switch {
	case b.unsure[w.Key]:
		err = errOnTheWay
	case !b.driver.fenced && (w.Epoch != 0 || w.Mode == driver.Rewind):
		err = errNoFences
	default:
		return false
	}
	b.results[i] = failed(err)
	return true
}

// onTheWay reports whether a write may still reach the server.
func onTheWay(r driver.Result) bool {
	return r.Outcome == driver.Unknown && !errors.As(r.Err, new(unconfirmedError))
}

// errOnTheWay: the earlier write could arrive after this one, and undo it.
var errOnTheWay = errors.New("redisstore: not sent: an earlier write of this call to the same key may or may not have landed")

// sendPart sends writes that may go at the same time.
func (b *batchOfWrites) sendPart(ctx context.Context, part []int) {
	if err := b.driver.ready(ctx); err != nil {
		for _, i := range part {
			b.results[i] = failed(err)
		}
		return
	}
	replies := b.driver.run(ctx, writeScript, len(part), func(n int, to []any) []any {
		return b.driver.writeArgs(to, &b.writes[part[n]], false)
	})
	var sampled []int
	for n, i := range part {
		if asksForSamples(replies[n]) {
			sampled = append(sampled, i)
			continue
		}
		b.read(i, replies[n])
	}
	if len(sampled) > 0 {
		b.sendSampled(ctx, sampled)
	}
}

// read reads the answer to a write.
func (b *batchOfWrites) read(i int, r reply) {
	w := &b.writes[i]
	b.results[i] = confirmed(w, b.driver.result(w, r.value, r.err), r.doubt)
	if b.results[i].Outcome.Landed() {
		b.driver.recent.add(w)
	}
}

func failed(err error) driver.Result { return driver.Result{Outcome: driver.Failed, Err: err} }

var errNoFences = fmt.Errorf("%w: redisstore: a driver with Options.Prefix has no fences: it writes without an epoch only, "+
	"and grants no leases", driver.ErrUnsupported)

var modes = [...]string{driver.Set: "s", driver.IfNewer: "n", driver.Rewind: "r", driver.Touch: "t"}

// A stamp is a time in milliseconds, in the form in which it is stored.
type stamp struct {
	milli int64
	text  any
}

// stamp is t in the form in which it is stored. Writes of the same millisecond
// share it.
func (d *Driver) stamp(t time.Time) any { return stamped(&d.lastStamp, t) }

func stamped(last *atomic.Pointer[stamp], t time.Time) any {
	milli := t.UnixMilli()
	s := last.Load()
	if s == nil || s.milli != milli {
		s = &stamp{milli, t.UTC().Format(driver.TimeLayout)}
		last.Store(s)
	}
	return s.text
}

// writeArgs appends to args what writeScript needs, with the keys of the samples if the
// script has asked for them.
func (d *Driver) writeArgs(args []any, w *driver.Write, sampled bool) []any {
	audited := d.fenced && cell.Audited(w)
	first := len(args)
	args = append(args, "1", d.prefix+w.Key)
	if audited || w.Epoch != 0 {
		args[first] = "2"
		args = append(args, d.fenceKey(w.Key))
	}
	if audited {
		args[first] = "3"
		args = append(args, d.auditKey(w.Key))
	}
	if sampled {
		samples, hours := d.samplesKeys(w.Key)
		args = append(args, samples, hours)
		args[first] = len(args) - first - 1
	}
	args = append(args, w.Position.Commit, w.Position.Prepare, d.stamp(w.UpdatedAt))
	before := d.sampleBefore(w)
	ttl := func() any { return strconv.FormatInt(int64(w.TTL/time.Millisecond), 10) }
	epoch := func() any { return strconv.FormatUint(w.Epoch, 10) }
	switch { // the usual write leaves these out, and the script knows their defaults
	case audited && w.By != nil:
		args = append(args, before, epoch(), ttl(), modes[w.Mode], w.LogID, w.By.Op, w.By.Actor, w.By.Reason)
	case w.LogID != "":
		args = append(args, before, epoch(), ttl(), modes[w.Mode], w.LogID)
	case w.Mode != driver.IfNewer:
		args = append(args, before, epoch(), ttl(), modes[w.Mode])
	case w.TTL != 0:
		args = append(args, before, epoch(), ttl())
	case w.Epoch != 0:
		args = append(args, before, epoch())
	case before != "":
		args = append(args, before)
	}
	return args
}
