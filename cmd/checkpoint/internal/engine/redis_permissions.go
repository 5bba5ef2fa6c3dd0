package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

const aclRemedy = "docs/redis.md has the ACL rule that the store and this command need"

// tryCommands calls each command of the store's scripts. The script may not write: the
// server first asks the user's rights, and then refuses what would write.
const tryCommands = `#!lua flags=no-writes
local refused = {}
for i = 1, #ARGV do
  local words = {}
  for word in string.gmatch(ARGV[i], '%S+') do
    words[#words + 1] = word == 'KEY' and KEYS[1] or word
  end
  local answer = redis.pcall(unpack(words))
  if type(answer) == 'table' and answer.err and not string.find(answer.err, 'Write commands are not allowed') then
    refused[#refused + 1] = words[1] .. ': ' .. answer.err
  end
end
return refused`

var scriptCommands = []any{
	"HMGET KEY commit", "PTTL KEY", "GETRANGE KEY 0 0", "HGET KEY commit", "HSET KEY commit 0", "HDEL KEY commit",
	"EXISTS KEY", "TYPE KEY", "PEXPIRE KEY 1", "PERSIST KEY", "UNLINK KEY", "TIME", "LPUSH KEY x", "LTRIM KEY 0 0", "LRANGE KEY 0 0",
	"HGETALL KEY",
}

// permissions tries what the store does, as this user, without a change. It writes to no
// key, and publishes on the channel of a key that nobody has.
func (p *redisPatient) permissions(ctx context.Context) {
	const check, none = "permissions", "doctor's probe"
	prefix := p.opts.Namespace + "checkpoint:"
	keys := []string{prefix + none}
	for _, part := range []string{"fence", "audit", "samples", "reports"} {
		keys = append(keys, p.opts.Namespace+"checkpoint-"+part+":{"+none+"}")
	}
	if p.opts.Prefix != "" {
		prefix, keys = p.opts.Prefix, []string{p.opts.Prefix + none}
	}
	var cannot []string
	for _, key := range keys {
		found, err := p.inScript(ctx, key)
		if err != nil {
			p.unclear(check, key, err)
			return
		}
		cannot = append(cannot, found...)
	}
	for _, call := range []struct {
		name string
		err  error
	}{
		{"PING", p.client.Ping(ctx).Err()},
		{"INFO", p.masters[0].infoErr},
		{"SCAN", p.client.Scan(ctx, 0, prefix+"*", 1).Err()},
		{"ROLE", p.role(ctx)},
		{"WAIT", p.wait(ctx)},
	} {
		if call.err != nil {
			cannot = append(cannot, call.name+": "+call.err.Error())
		}
	}
	if len(cannot) > 0 {
		p.Add(refusedLine(cannot))
		return
	}
	if err := p.transaction(ctx, keys[0]); err != nil {
		p.Warn(check, "the user cannot read by transactions, so that each read takes the server twice the time: "+err.Error(), aclRemedy)
		return
	}
	if err := p.wakes(ctx, prefix+none); err != nil {
		p.Warn(check, "no standby can be woken early: "+err.Error(), aclRemedy)
		return
	}
	p.OK(check, "the user may do all that the store does")
}

// refusedLine says what the user may not do. Only History and Samples need LRANGE.
func refusedLine(cannot []string) doctor.Line {
	l := doctor.Line{Check: "permissions", Level: doctor.Fail, Remedy: aclRemedy}
	if needed := func(s string) bool { return !strings.HasPrefix(s, "LRANGE: ") }; !slices.ContainsFunc(cannot, needed) {
		l.Level, l.Text = doctor.Warn, "the user cannot read who changed a key, and where it stood: "+cannot[0]
		return l
	}
	l.Text = "the user cannot do what the store does: " + strings.Join(cannot, "; ")
	return l
}

func (p *redisPatient) inScript(ctx context.Context, key string) (refused []string, err error) {
	return p.client.Eval(ctx, tryCommands, []string{key}, scriptCommands...).StringSlice()
}

// unclear tells a user who may not call EVAL, or use the key, from a server that cannot run
// the script.
func (p *redisPatient) unclear(check, key string, err error) {
	if redis.HasErrorPrefix(err, "NOPERM") {
		p.Fail(check, fmt.Sprintf("the user cannot do what the store does: EVAL with the key %q: %v", key, err), aclRemedy)
		return
	}
	p.Unknown(check, err, "use Redis 7.0 or later, or compare the user with the rule in docs/redis.md")
}

// role is not needed in a cluster, nor on a server that has no such command.
func (p *redisPatient) role(ctx context.Context) error {
	if _, ok := p.client.(*redis.ClusterClient); ok {
		return nil
	}
	if err := p.client.Do(ctx, "ROLE").Err(); redis.HasErrorPrefix(err, "NOPERM") {
		return err
	}
	return nil
}

func (p *redisPatient) wait(ctx context.Context) error {
	if p.opts.MinReplicas == 0 {
		return nil
	}
	return p.masters[0].client.Do(ctx, "WAIT", "0", "1").Err()
}

// transaction is not used in a cluster.
func (p *redisPatient) transaction(ctx context.Context, key string) error {
	if _, ok := p.client.(*redis.ClusterClient); ok {
		return nil
	}
	tx := p.client.TxPipeline()
	tx.PTTL(ctx, key)
	_, err := tx.Exec(ctx)
	return err
}

// wakes tries the channel of a key.
func (p *redisPatient) wakes(ctx context.Context, channel string) error {
	if p.opts.Prefix != "" {
		return nil
	}
	sub := p.client.Subscribe(ctx, channel)
	_, err := sub.Receive(ctx)
	if err == nil {
		err = sub.Unsubscribe(ctx, channel)
	}
	if err == nil {
		_, err = sub.Receive(ctx)
	}
	return errors.Join(p.client.Publish(ctx, channel, "doctor").Err(), err, sub.Close())
}
