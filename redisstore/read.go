package redisstore

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A walk that keeps the server busy makes every other client wait. So a walk
// reads few keys at a time, and one pipeline is on its way while the server works
// on another.
const (
	maxRead      = 64 // by a transaction
	transactions = 2  // in a pipeline
	maxReads     = 2  // pipelines

	// maxScriptRead is less, since the script takes the server more than twice as long.
	maxScriptRead = maxRead / 2

	// A cell, or the reports of a key, takes the server twice as long as a checkpoint. Who
	// looks at all consumers reads cells and reports at the same time.
	maxInspect = maxScriptRead / 4
)

// Get implements [driver.Driver].
func (d *Driver) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	records := make([]driver.Record, len(keys))
	if len(keys) == 1 {
		if err := d.get(ctx, keys, records); err != nil {
			return nil, err
		}
		return records, nil
	}
	err := inParallel(len(keys), d.mostKeys(), maxReads, func(from, to int) error {
		return d.get(ctx, keys[from:to], records[from:to])
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// mostKeys is how many keys a pipeline reads at most.
func (d *Driver) mostKeys() int {
	if d.pipelines.transacts() {
		return maxRead * transactions
	}
	return maxScriptRead
}

// get reads the checkpoint at each of keys into records. A missing checkpoint
// counts as missing only if a master says so. The server must answer ROLE in
// the same pipeline, since another connection may lead to another server. In a
// cluster, a replica answers with a redirect.
func (d *Driver) get(ctx context.Context, keys []string, records []driver.Record) error {
	size := maxRead
	if d.pipelines.cluster != nil {
		size = 1 // the keys of a call must be in one slot
	}
	part := func(i int) []string { return keys[i*size : min(len(keys), (i+1)*size)] }
	calls := (len(keys) + size - 1) / size
	read := func(behind ...command) (replies []reply, missing bool) {
		args := func(i int, to []any) []any { return d.readArgs(to, part(i)) }
		replies = d.run(ctx, readScript, calls, args, behind...)
		for i := range calls {
			missing = d.records(replies[i], part(i), records[i*size:]) || missing
		}
		return replies, missing
	}
	if _, missing := read(); !missing || d.pipelines.cluster != nil {
		return nil
	}
	replies, _ := read(query(ctx, "role"))
	return requireMaster(replies[calls].value, replies[calls].err)
}

func (d *Driver) readArgs(args []any, keys []string) []any {
	args = append(args, len(keys))
	for _, key := range keys {
		args = append(args, d.prefix+key)
	}
	return args
}

// records reads the script's answer about keys, and reports whether any of them
// is missing.
func (d *Driver) records(r reply, keys []string, records []driver.Record) (missing bool) {
	answers, ok := r.value.([]any)
	if r.err == nil && (!ok || len(answers) != 2*len(keys)) {
		r.err = unexpected("a read", r.value)
	}
	now := time.Now()
	for i, key := range keys {
		if r.err != nil {
			records[i] = driver.Record{Key: key, Err: r.err}
			continue
		}
		records[i] = d.decode(key, answers[2*i], answers[2*i+1], now)
		missing = missing || errors.Is(records[i].Err, driver.ErrNotFound)
	}
	return missing
}

// absent is PTTL's answer if the key is not there.
const absent = int64(-2)

// decode reads the two answers of checkpointAt about one key.
func (d *Driver) decode(key string, stored, pttl any, now time.Time) driver.Record {
	r := driver.Record{Key: key}
	fields, ok := stored.([]any)
	ttl, isNumber := pttl.(int64)
	switch ok = ok && isNumber; {
	case ok && ttl == absent:
		r.Err = driver.ErrNotFound
	case ok && len(fields) == 5:
		r.Err = d.decodeFields(&r, fields)
	case ok && len(fields) == 1:
		text, _ := fields[0].(string)
		r.Position, r.Err = d.decodeOlder(key, text)
	case ok && len(fields) == 0:
		r.Err = driver.DamagedCheckpoint("Redis key %q is neither a hash nor a string", d.prefix+key)
	default:
		r.Err = unexpected("a read", []any{stored, pttl})
	}
	// A cell tells when a damaged checkpoint expires, too.
	if ttl >= 0 && (r.Err == nil || errors.Is(r.Err, driver.ErrCorruptCheckpoint)) {
		ttl = min(ttl, math.MaxInt64/int64(time.Millisecond))
		r.ExpiresAt = now.Add(time.Duration(ttl) * time.Millisecond).UTC().Truncate(time.Millisecond)
	}
	return r
}

// decodeOlder reads a string. With Options.Namespace it must be commit@prepare.
// With Options.Prefix it may also be a bare number, which most programs store.
func (d *Driver) decodeOlder(key, text string) (driver.Position, error) {
	commit, prepare, ok := strings.Cut(text, "@")
	if !ok && !d.fenced {
		prepare, ok = commit, true
	}
	c, okCommit := canonical(commit)
	p, okPrepare := canonical(prepare)
	if !ok || !okCommit || !okPrepare {
		return driver.Position{}, damaged(d.prefix+key, "string", text)
	}
	return driver.Position{Commit: c, Prepare: p}, nil
}

// decodeFields reads the fields commit, prepare, updatedAt, epoch and logId.
func (d *Driver) decodeFields(r *driver.Record, fields []any) error {
	var text [5]string
	var present [5]bool
	for i := range text {
		text[i], present[i] = fields[i].(string)
	}
	for i, name := range []string{"commit", "prepare"} {
		if !present[i] {
			return missingField(d.prefix+r.Key, name)
		}
	}
	var ok bool
	if r.Position.Commit, ok = canonical(text[0]); !ok {
		return damaged(d.prefix+r.Key, "commit", text[0])
	}
	if r.Position.Prepare, ok = canonical(text[1]); !ok {
		return damaged(d.prefix+r.Key, "prepare", text[1])
	}
	if present[2] {
		t, err := time.Parse(time.RFC3339, text[2])
		if err != nil {
			return damaged(d.prefix+r.Key, "updatedAt", text[2])
		}
		r.UpdatedAt = t.UTC().Truncate(time.Millisecond)
	}
	if present[3] {
		if r.Epoch, ok = canonical(text[3]); !ok {
			return damaged(d.prefix+r.Key, "epoch", text[3])
		}
	}
	r.LogID = text[4]
	return nil
}

// canonical reads a decimal number. It accepts only one spelling of each
// number.
func canonical(s string) (uint64, bool) {
	if s == "" || s[0] == '+' || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, false // beyond the range, ParseUint returns the highest number
	}
	return n, true
}
