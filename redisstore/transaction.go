package redisstore

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// A transaction reads the keys of some reads in one atomic step, as readScript does. The
// script takes the server twice as long.
type transaction struct {
	of   []*command // calls of readScript
	keys int
	exec command
	room *room
}

// transacts reports whether reads go as transactions. A server may refuse them. In a
// cluster MULTI has no slot, and the older layout needs another command.
func (p *pipelines) transacts() bool {
	return p.cluster == nil && !p.plain && !p.older && !p.refused.Load()
}

// read puts a call of readScript into a transaction.
func (s *shipment) read(p *pipelines, c *command) {
	n := len(c.Args()) - firstKey
	if last := len(s.reads) - 1; last < 0 || s.reads[last].keys+n > maxMerged {
		s.reads = append(s.reads, &transaction{room: p.takeRoom()})
	}
	t := s.reads[len(s.reads)-1]
	t.of = append(t.of, c)
	t.keys += n
}

// firstKey is where the keys are in a call of a script: behind its name and their number.
const firstKey = 3

// appendTo appends the commands of t. All but the last answer QUEUED, or, if the server refuses
// MULTI, what they would answer without it. They share memory, since a walk reads many keys.
func (t *transaction) appendTo(ctx context.Context, cmds []redis.Cmder) []redis.Cmder {
	r := t.room
	r.grow(1+2*t.keys, 1+9*t.keys)
	queue := func(words ...any) {
		r.args = append(r.args, words...)
		cmds = append(cmds, r.command(ctx, len(r.args)-len(words)))
	}
	cmds = slices.Grow(cmds, 2+2*t.keys)
	queue("multi")
	for _, c := range t.of {
		for _, key := range c.Args()[firstKey:] {
			queue("hmget", key, "commit", "prepare", "updatedAt", "epoch", "logId")
			queue("pttl", key)
		}
	}
	t.exec = query(ctx, "exec")
	t.exec.laned = t.of[0].laned
	return append(cmds, &t.exec)
}

// settle gives each read its answer. It returns those that the script must answer: all, if
// the server refuses the transaction, and those of keys that are no hashes.
func (t *transaction) settle(p *pipelines) (again []*command, refused bool) {
	p.giveBack(t.room)
	answers, _ := t.exec.Val().([]any)
	err := t.exec.Err()
	if err == nil && len(answers) != 2*t.keys || err != nil && fromServer(err) {
		return t.of, err == nil || !hasPrefix(err, passing) && !strings.HasPrefix(err.Error(), discarded)
	}
	for _, c := range t.of {
		if err != nil {
			c.SetErr(err)
			continue
		}
		n := 2 * (len(c.Args()) - firstKey)
		if areFields(answers[:n]) {
			c.SetVal(answers[:n:n])
		} else {
			again = append(again, c)
		}
		answers = answers[n:]
	}
	return again, false
}

// passing are the answers of a server that may take the next transaction, and discarded
// stands in place of those that it has given to a command of this one.
var passing = []string{"LOADING", "BUSY", "MASTERDOWN", "NOAUTH", "READONLY"}

const discarded = "EXECABORT Transaction discarded because of previous errors"

// areFields reports whether HMGET has answered for each key, and not with an error.
func areFields(answers []any) bool {
	for i := 0; i < len(answers); i += 2 {
		if _, ok := answers[i].([]any); !ok {
			return false
		}
	}
	return true
}
