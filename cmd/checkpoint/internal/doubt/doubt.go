// Package doubt tells a change that was not made from one that may have been made.
package doubt

import (
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/checkpointstore/checkpoint"
)

// MayBeMade reports whether a change that failed with err may have been made all the same:
// nothing shows that the store refused it, or that nothing was sent.
func MayBeMade(err error) bool {
	return err != nil && !isAnswer(err) && !NotSent(err) && !refused(err)
}

// answers are the errors of a store that has looked at the key, and left it as it is.
var answers = []error{
	checkpoint.ErrNotFound, checkpoint.ErrFenced, checkpoint.ErrLeaseHeld, checkpoint.ErrUnsupported, checkpoint.ErrCorrupt,
	checkpoint.ErrInvalidKey, checkpoint.ErrInvalidPosition, checkpoint.ErrEpochExhausted,
}

func isAnswer(err error) bool {
	return slices.ContainsFunc(answers, func(answer error) bool { return errors.Is(err, answer) })
}

// unconfirmed stands in the error of a change that Redis has made, whatever the error wraps.
const unconfirmed = "the master has the change"

// NotSent reports whether err is that of a connection that nobody accepted.
func NotSent(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial" && !strings.Contains(err.Error(), unconfirmed)
}

// refused reports whether the error of an engine says that it refused the change. The types
// are those of the engines: a program that mounts the page imports none of them.
func refused(err error) bool {
	if e, ok := errors.AsType[interface {
		error
		RedisError()
	}](err); ok {
		return refusedByRedis(e.Error()) && !strings.Contains(err.Error(), unconfirmed)
	}
	if e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return refusedByPostgres(e.SQLState(), e.Error())
	}
	if e, ok := errors.AsType[interface {
		error
		Code() int
	}](err); ok {
		return slices.Contains(sqliteRefusals, e.Code()&0xff)
	}
	return false
}

func refusedByRedis(answer string) bool {
	answer = strings.TrimPrefix(answer, "ERR ")
	begins := func(prefix string) bool { return strings.HasPrefix(answer, prefix+" ") }
	switch {
	case slices.ContainsFunc([]string{"OOM", "READONLY", "MISCONF", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN"}, begins):
		return true
	case slices.ContainsFunc([]string{"NOAUTH", "WRONGPASS", "NOPERM", "LOADING"}, begins):
		return !strings.Contains(answer, "script: ") // between two writes of the script
	}
	return false
}

// refusedByPostgres excludes the states after which a commit may have taken place: a lost
// connection, an end by an operator, a failure of the system. A server that stops because it
// lacks room or memory may have committed before, and says PANIC or FATAL, not ERROR.
func refusedByPostgres(state, text string) bool {
	of := func(class string) bool { return strings.HasPrefix(state, class) }
	switch {
	case state == "40003", slices.ContainsFunc([]string{"08", "57", "58", "XX"}, of):
		return false
	case state == "25P04", of("53") && state != tooManyConnections:
		return strings.HasPrefix(text, "ERROR: ")
	}
	return true
}

const tooManyConnections = "53300"

// sqliteRefusals are the codes of SQLite after which the transaction is undone: ERROR, PERM,
// BUSY, LOCKED, READONLY, CORRUPT, CANTOPEN, CONSTRAINT, AUTH and NOTADB. Not so after a
// failure of the disk: the transaction may be in the log.
var sqliteRefusals = []int{1, 3, 5, 6, 8, 11, 14, 19, 23, 26}
