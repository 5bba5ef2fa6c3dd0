package rivals

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/checkpointstore/checkpoint/driver"
)

// Script is what a user of either client would write: it stores a position that
// is not older than the one there. KEYS: the key; ARGV: commit, prepare, the time.
const Script = `
local stored = redis.call('HMGET', KEYS[1], 'commit', 'prepare')
local commit, prepare = stored[1], stored[2]
if commit then
  if #ARGV[1] < #commit or #ARGV[1] == #commit and ARGV[1] < commit then return 0 end
  if ARGV[1] == commit and (#ARGV[2] < #prepare or #ARGV[2] == #prepare and ARGV[2] < prepare) then return 0 end
end
redis.call('HSET', KEYS[1], 'commit', ARGV[1], 'prepare', ARGV[2], 'updatedAt', ARGV[3])
return 1`

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func instant(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z") }

func redisKey(key string) string { return "rival:" + key }

// GoRedis is go-redis as a user would call it: a round trip for each call, a
// pipeline for a batch.
type GoRedis struct{ client *redis.Client }

// NewGoRedis makes one. The client is the driver's from then on.
func NewGoRedis(client *redis.Client) *GoRedis { return &GoRedis{client} }

var goRedisScript = redis.NewScript(Script)

// Get implements [driver.Driver].
func (d *GoRedis) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	records := make([]driver.Record, len(keys))
	pipe := d.client.Pipeline()
	answers := make([]*redis.SliceCmd, len(keys))
	for i, key := range keys {
		if len(keys) == 1 {
			answers[i] = d.client.HMGet(ctx, redisKey(key), "commit", "prepare", "updatedAt")
		} else {
			answers[i] = pipe.HMGet(ctx, redisKey(key), "commit", "prepare", "updatedAt")
		}
	}
	if len(keys) > 1 {
		if _, err := pipe.Exec(ctx); err != nil {
			return nil, err
		}
	}
	for i, a := range answers {
		fields, err := a.Result()
		if err != nil {
			return nil, err
		}
		commit, _ := fields[0].(string)
		prepare, _ := fields[1].(string)
		records[i] = record(keys[i], commit, prepare)
	}
	return records, nil
}

func record(key, commit, prepare string) driver.Record {
	r := driver.Record{Key: key}
	var errCommit, errPrepare error
	r.Position.Commit, errCommit = strconv.ParseUint(commit, 10, 64)
	r.Position.Prepare, errPrepare = strconv.ParseUint(prepare, 10, 64)
	if errors.Join(errCommit, errPrepare) != nil {
		r.Err = driver.ErrNotFound
	}
	return r
}

// Write implements [driver.Driver].
func (d *GoRedis) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	args := func(w *driver.Write) []any {
		return []any{number(w.Position.Commit), number(w.Position.Prepare), instant(w.UpdatedAt)}
	}
	if len(writes) == 1 {
		w := &writes[0]
		n, err := goRedisScript.Run(ctx, d.client, []string{redisKey(w.Key)}, args(w)...).Int64()
		results[0] = result(n, err)
		return results, nil
	}
	if err := goRedisScript.Load(ctx, d.client).Err(); err != nil {
		return nil, err
	}
	pipe := d.client.Pipeline()
	answers := make([]*redis.Cmd, len(writes))
	for i := range writes {
		w := &writes[i]
		answers[i] = pipe.EvalSha(ctx, goRedisScript.Hash(), []string{redisKey(w.Key)}, args(w)...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	for i, a := range answers {
		results[i] = result(a.Int64())
	}
	return results, nil
}

func result(n int64, err error) driver.Result {
	switch {
	case err != nil:
		return driver.Result{Outcome: driver.Unknown, Err: err}
	case n == 0:
		return driver.Result{Outcome: driver.Stale}
	}
	return driver.Result{Outcome: driver.Advanced}
}

// Delete implements [driver.Driver].
func (d *GoRedis) Delete(ctx context.Context, keys []string) (int, error) {
	n, err := d.client.Unlink(ctx, redisKeys(keys)...).Result()
	return int(n), err
}

func redisKeys(keys []string) []string {
	full := make([]string, len(keys))
	for i, key := range keys {
		full[i] = redisKey(key)
	}
	return full
}

// Scan implements [driver.Driver], for all keys only.
func (d *GoRedis) Scan(ctx context.Context, _ string, pageSize int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for cursor := uint64(0); ; {
			page, next, err := d.client.Scan(ctx, cursor, redisKey("*"), int64(pageSize)).Result()
			if err != nil {
				yield(nil, err)
				return
			}
			// SCAN may find nothing in a page, and UNLINK refuses to remove nothing.
			if cursor = next; len(page) > 0 && !yield(withoutPrefix(page), nil) || cursor == 0 {
				return
			}
		}
	}
}

func withoutPrefix(keys []string) []string {
	for i := range keys {
		keys[i] = keys[i][len(redisKey("")):]
	}
	return keys
}

// Close implements [driver.Driver].
func (d *GoRedis) Close() error { return d.client.Close() }

// Rueidis is rueidis, which combines concurrent calls into pipelines by itself.
type Rueidis struct{ client rueidis.Client }

// NewRueidis connects to a server.
func NewRueidis(addr string) (*Rueidis, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true})
	if err != nil {
		return nil, fmt.Errorf("rueidis: %w", err)
	}
	return &Rueidis{client}, nil
}

var rueidisScript = rueidis.NewLuaScript(Script)

// Get implements [driver.Driver].
func (d *Rueidis) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	commands := make(rueidis.Commands, len(keys))
	for i, key := range keys {
		commands[i] = d.client.B().Hmget().Key(redisKey(key)).Field("commit", "prepare", "updatedAt").Build()
	}
	records := make([]driver.Record, len(keys))
	for i, answer := range d.do(ctx, commands) {
		fields, err := answer.ToArray()
		if err != nil {
			return nil, err
		}
		commit, _ := fields[0].ToString()
		prepare, _ := fields[1].ToString()
		records[i] = record(keys[i], commit, prepare)
	}
	return records, nil
}

func (d *Rueidis) do(ctx context.Context, commands rueidis.Commands) []rueidis.RedisResult {
	if len(commands) == 1 {
		return []rueidis.RedisResult{d.client.Do(ctx, commands[0])}
	}
	return d.client.DoMulti(ctx, commands...)
}

// Write implements [driver.Driver].
func (d *Rueidis) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	calls := make([]rueidis.LuaExec, len(writes))
	for i := range writes {
		w := &writes[i]
		calls[i] = rueidis.LuaExec{
			Keys: []string{redisKey(w.Key)},
			Args: []string{number(w.Position.Commit), number(w.Position.Prepare), instant(w.UpdatedAt)},
		}
	}
	if len(calls) == 1 {
		results[0] = result(rueidisScript.Exec(ctx, d.client, calls[0].Keys, calls[0].Args).AsInt64())
		return results, nil
	}
	for i, answer := range rueidisScript.ExecMulti(ctx, d.client, calls...) {
		results[i] = result(answer.AsInt64())
	}
	return results, nil
}

// Delete implements [driver.Driver].
func (d *Rueidis) Delete(ctx context.Context, keys []string) (int, error) {
	n, err := d.client.Do(ctx, d.client.B().Unlink().Key(redisKeys(keys)...).Build()).AsInt64()
	return int(n), err
}

// Scan implements [driver.Driver], for all keys only.
func (d *Rueidis) Scan(ctx context.Context, _ string, pageSize int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for cursor := uint64(0); ; {
			page, err := d.client.Do(ctx, d.client.B().Scan().Cursor(cursor).Match(redisKey("*")).Count(int64(pageSize)).Build()).AsScanEntry()
			if err != nil {
				yield(nil, err)
				return
			}
			if cursor = page.Cursor; len(page.Elements) > 0 && !yield(withoutPrefix(page.Elements), nil) || cursor == 0 {
				return
			}
		}
	}
}

// Close implements [driver.Driver].
func (d *Rueidis) Close() error {
	d.client.Close()
	return nil
}
