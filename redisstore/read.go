package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// Get implements [driver.Driver].
func (d *Driver) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	records := make([]driver.Record, len(keys))
	for done := 0; done < len(keys); done += maxPipeline {
		err := inParallel(min(len(keys)-done, maxPipeline), func(from, to int) error {
			return d.get(ctx, keys[done+from:done+to], records[done+from:done+to])
		})
		if err != nil {
			return nil, err
		}
	}
	return records, nil
}

// maxRereads bounds how often a key is read again that changes between the two
// commands that read it.
const maxRereads = 10

// get reads the checkpoint at each of keys into records.
func (d *Driver) get(ctx context.Context, keys []string, records []driver.Record) error {
	reads := make([]read, len(keys))
	cmds := make([]command, 0, 2*len(keys))
	for i, key := range keys {
		reads[i] = d.newRead(ctx, key)
		cmds = append(cmds, reads[i].fields, reads[i].ttl)
	}
	if err := d.send(ctx, cmds...); err != nil {
		return err
	}
	now := time.Now()
	missing := false
	for i := range reads {
		r, again := reads[i].record(now)
		for n := 0; again && n < maxRereads; n++ {
			var err error
			if r, again, err = d.reread(ctx, keys[i]); err != nil {
				return err
			}
		}
		missing = missing || errors.Is(r.Err, checkpoint.ErrNotFound)
		records[i] = r
	}
	if missing {
		return d.requireMaster(ctx)
	}
	return nil
}

// A read is the commands that read one checkpoint, and their answers.
type read struct {
	key      string // the caller's
	redisKey string
	fields   command
	ttl      command
	text     *command // only of a key that is not a hash
}

func (d *Driver) newRead(ctx context.Context, key string) read {
	redisKey := d.prefix + key
	arg := any(redisKey)
	return read{
		key:      key,
		redisKey: redisKey,
		fields:   query(ctx, "hmget", arg, "commit", "prepare", "updatedAt", "epoch", "logId"),
		ttl:      query(ctx, "pttl", arg),
	}
}

// reread reads a key once more, and as the older string too.
func (d *Driver) reread(ctx context.Context, key string) (driver.Record, bool, error) {
	r := d.newRead(ctx, key)
	text := query(ctx, "get", r.redisKey)
	r.text = &text
	if err := d.send(ctx, r.fields, text, r.ttl); err != nil {
		return driver.Record{}, false, err
	}
	record, again := r.record(time.Now())
	return record, again, nil
}

// absent is what PTTL answers of a key that is not there.
const absent = int64(-2)

// errChanging is the answer where rereading never settles.
var errChanging = errors.New("redisstore: the key comes and goes faster than it can be read")

// record makes a record of the answers. It asks to read again where they do
// not say enough: the key is no hash, or it came or went between the commands.
// The record's Err is then what stands if that never ends.
func (r *read) record(now time.Time) (record driver.Record, again bool) {
	record = driver.Record{Key: r.key}
	answer, err := r.ttl.answer()
	ttl, ok := answer.(int64)
	if err == nil && !ok {
		err = unexpected("PTTL", answer)
	}
	if err != nil {
		record.Err = err
		return record, false
	}
	answer, err = r.fields.answer()
	fields, ok := answer.([]any)
	if err == nil && (!ok || len(fields) != 5) {
		err = unexpected("HMGET", answer)
	}
	switch {
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		if r.text == nil {
			record.Err = errChanging
			return record, true
		}
		record.Position, again, record.Err = r.older()
	case err != nil:
		record.Err = err
	case ttl == absent:
		record.Err = checkpoint.ErrNotFound
	case !slices.ContainsFunc(fields, func(f any) bool { return f != nil }):
		// The key came after HMGET, or it is a hash without any of our fields.
		record.Err = missingField(r.redisKey, "commit")
		return record, true
	default:
		record, record.Err = decode(r.key, r.redisKey, fields)
	}
	if ttl > 0 {
		record.ExpiresAt = now.Add(time.Duration(ttl) * time.Millisecond).UTC().Truncate(time.Millisecond)
	}
	return record, again
}

// older reads the older layout.
func (r *read) older() (driver.Position, bool, error) {
	answer, err := r.text.answer()
	text, ok := answer.(string)
	switch {
	case errors.Is(err, redis.Nil):
		return driver.Position{}, true, errChanging
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return driver.Position{}, false, fmt.Errorf("%w: Redis key %q is neither a hash nor a string",
			checkpoint.ErrCorrupt, r.redisKey)
	case err != nil:
		return driver.Position{}, false, err
	case !ok:
		return driver.Position{}, false, unexpected("GET", answer)
	}
	p, err := decodeOlder(r.redisKey, text)
	return p, false, err
}

func decodeOlder(redisKey, text string) (driver.Position, error) {
	commit, prepare, ok := strings.Cut(text, "@")
	c, okCommit := canonical(commit)
	p, okPrepare := canonical(prepare)
	if !ok || !okCommit || !okPrepare {
		return driver.Position{}, damaged(redisKey, "string", text)
	}
	return driver.Position{Commit: c, Prepare: p}, nil
}

// decode reads the fields commit, prepare, updatedAt, epoch and logId.
func decode(key, redisKey string, fields []any) (driver.Record, error) {
	r := driver.Record{Key: key}
	var text [5]string
	var present [5]bool
	for i := range text {
		text[i], present[i] = fields[i].(string)
	}
	for i, name := range []string{"commit", "prepare"} {
		if !present[i] {
			return r, missingField(redisKey, name)
		}
	}
	var ok bool
	if r.Position.Commit, ok = canonical(text[0]); !ok {
		return r, damaged(redisKey, "commit", text[0])
	}
	if r.Position.Prepare, ok = canonical(text[1]); !ok {
		return r, damaged(redisKey, "prepare", text[1])
	}
	if present[2] {
		t, err := time.Parse(time.RFC3339, text[2])
		if err != nil {
			return r, damaged(redisKey, "updatedAt", text[2])
		}
		r.UpdatedAt = t.UTC().Truncate(time.Millisecond)
	}
	if present[3] {
		if r.Epoch, ok = canonical(text[3]); !ok {
			return r, damaged(redisKey, "epoch", text[3])
		}
	}
	r.LogID = text[4]
	return r, nil
}

// canonical reads the one way to write a number.
func canonical(s string) (uint64, bool) {
	if s == "" || s[0] == '+' || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

func unexpected(command string, answer any) error {
	return fmt.Errorf("redisstore: %s answered %v", command, answer)
}

func missingField(redisKey, field string) error {
	return fmt.Errorf("%w: the hash at Redis key %q has no field %s", checkpoint.ErrCorrupt, redisKey, field)
}

func damaged(redisKey, what, value string) error {
	switch what {
	case "type":
		return fmt.Errorf("%w: Redis key %q is a %s, neither a hash nor a string", checkpoint.ErrCorrupt, redisKey, value)
	case "string":
		return fmt.Errorf("%w: the string at Redis key %q is %s, not commit@prepare",
			checkpoint.ErrCorrupt, redisKey, quote(value))
	case "updatedAt":
		return fmt.Errorf("%w: field updatedAt of Redis key %q is %s, not an ISO 8601 time",
			checkpoint.ErrCorrupt, redisKey, quote(value))
	case "fence":
		return fmt.Errorf("%w: the lease at Redis key %q has epoch %s, which the fence has not seen; "+
			"set its field epoch to the highest that was in use", checkpoint.ErrCorrupt, redisKey, quote(value))
	case "until":
		return fmt.Errorf("%w: field until of Redis key %q is %s, not milliseconds since 1970",
			checkpoint.ErrCorrupt, redisKey, quote(value))
	}
	return fmt.Errorf("%w: field %s of Redis key %q is %s, not a canonical decimal number of 64 bits",
		checkpoint.ErrCorrupt, what, redisKey, quote(value))
}

func damagedFence(redisKey, value string) error {
	return fmt.Errorf("%w: the fence at Redis key %q holds %s, not an epoch; "+
		"set its field epoch to the highest that was in use", checkpoint.ErrCorrupt, redisKey, quote(value))
}

// quote shows a stored value in an error, however long and strange it is.
func quote(s string) string {
	const limit = 64
	if len(s) > limit {
		return strconv.Quote(s[:limit]) + "..."
	}
	return strconv.Quote(s)
}
