package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// A failure is an error that people read.
type failure struct {
	err   error
	text  string
	store string // its URL, without a password
	tls   bool   // the URL asks for it
	name  string // of the engine

	copies bool // the URL is an argument
}

// another says where the URL of another store is given.
func (f failure) another() string {
	if f.copies {
		return "look at FROM and TO"
	}
	return "--store names another"
}

// explain makes one line of an error: the fact, then what to do.
func (a *app) explain(ctx context.Context, err error) string {
	f := failure{err: err, text: strings.TrimPrefix(oneLine(err), "checkpoint: "), copies: a.copies}
	f.store = a.shownStore(err)
	f.name = a.engines.Name(f.store)
	f.tls = strings.HasPrefix(f.store, "rediss:")
	if ctx.Err() != nil && !errors.Is(err, engine.ErrNoStore) && !errors.Is(err, sqlitestore.ErrNotOurs) {
		if f.text == context.Cause(ctx).Error() || f.text == ctx.Err().Error() {
			return "interrupted"
		}
		return "interrupted: " + f.text
	}
	if e := (partError{}); errors.As(err, &e) {
		text := e.before + a.explain(ctx, e.err) + e.after
		return strings.Replace(oneLine(err), oneLine(e), text, 1)
	}
	for _, explain := range []func(failure) string{ofFile, ofTimeout, ofConnection, ofTLS, ofRedis, ofDamage} {
		if text := explain(f); text != "" {
			return text
		}
	}
	if hint := checkpoint.Hint(err); hint != "" {
		return f.text + "; " + hint
	}
	return f.text
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func (a *app) shownStore(err error) string {
	if e := (openError{}); errors.As(err, &e) {
		return engine.Redact(e.url)
	}
	return engine.Redact(a.storeName())
}

func ofFile(f failure) string {
	switch {
	case errors.Is(f.err, engine.ErrNoStore) && f.copies:
		return f.text + ": look at FROM"
	case errors.Is(f.err, engine.ErrNoStore):
		return f.text + ": the first write makes one; " + f.another()
	case errors.Is(f.err, sqlitestore.ErrNotOurs):
		return f.text + "; " + f.another()
	}
	return ""
}

func ofTimeout(f failure) string {
	var timeout timeoutError
	switch {
	case !errors.As(f.err, &timeout):
		return ""
	case errors.Is(f.err, sqlitestore.ErrLocked):
		text := fmt.Sprintf("another process has kept %s locked for %v; ", f.store, timeout.after)
		if hint := checkpoint.Hint(f.err); hint != "" {
			text += hint + "; "
		}
		return text + "--timeout sets another limit"
	case f.tls:
		return fmt.Sprintf("no answer from %s within %v; a port without TLS does not answer: use redis:// for it; --timeout sets another limit",
			f.store, timeout.after)
	case !strings.Contains(f.store, "://"): // a file
		return fmt.Sprintf("no answer from %s within %v; --timeout sets another limit", f.store, timeout.after)
	}
	return fmt.Sprintf("no answer from %s within %v; is this the address of a running server, and does it speak what the URL says? "+
		"--timeout sets another limit", f.store, timeout.after)
}

func ofConnection(f failure) string {
	var dial *net.OpError
	var unknown *net.DNSError
	switch {
	case errors.As(f.err, &unknown):
		return fmt.Sprintf("cannot find the host %q of %s: %s; %s", unknown.Name, f.store, unknown.Err, f.another())
	case errors.As(f.err, &dial) && dial.Op == "dial" && dial.Addr != nil:
		return fmt.Sprintf("cannot reach %s at %s: %s; is the server running? %s", f.name, dial.Addr, bare(dial.Err), f.another())
	case (errors.Is(f.err, io.EOF) || errors.Is(f.err, syscall.ECONNRESET)) && errors.As(f.err, new(openError)) && !f.tls:
		if f.name == engine.Redis.Name {
			return f.store + " closed the connection without an answer; use rediss:// for a port with TLS"
		}
		return f.store + " closed the connection without an answer; is this the port of the server? " + f.another()
	}
	return ""
}

// bare is a system error without the call that met it.
func bare(err error) error {
	if e := (*os.SyscallError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

func ofTLS(f failure) string {
	var header tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(f.err, &header):
		return f.store + " does not speak TLS; use redis://"
	case errors.As(f.err, &certificate):
		return fmt.Sprintf("the certificate of %s is not trusted: %v; use the host name of the certificate, "+
			"or name the file of its authority in SSL_CERT_FILE", f.store, certificate.Err)
	}
	return ""
}

// redisErrors maps the prefix of a server's error to its meaning. The text follows the
// name of the store. The prefix ERR is left out, because many errors share it.
var redisErrors = []struct{ prefix, text string }{
	{"NOAUTH", "needs a password; put it into the URL: redis://user:password@host:port"},
	{"WRONGPASS", "refuses the user or the password; check both in the URL, and percent-encode them there"},
	{"READONLY", ofReplica},
	{"MASTERDOWN", ofReplica},
	{"MOVED", "is a node of a cluster; add cluster=true to the query of its URL"},
	{"DB index is out of range", "has no database of this number; name another, or raise `databases` in the server's configuration"},
	{"SELECT is not allowed in cluster mode", "is a node of a cluster, which has no database but 0; name none, and add cluster=true to the query"},
	{"LOADING", "is still loading its data; try again soon"},
}

const ofReplica = "is a replica, which takes no writes and may lack what its master has; name the master"

func ofRedis(f failure) string {
	if errors.Is(f.err, redisstore.ErrReplica) {
		return f.store + " " + ofReplica
	}
	for _, e := range redisErrors {
		if redis.HasErrorPrefix(f.err, e.prefix) {
			return f.store + " " + e.text
		}
	}
	if redis.HasErrorPrefix(f.err, "NOPERM") {
		return f.text + "; docs/redis.md has the ACL rule that the command needs"
	}
	return ""
}

func ofDamage(f failure) string {
	switch {
	case errors.Is(f.err, checkpoint.ErrCorruptFence): // first: replacing the checkpoint would hide the damaged fence
		return f.text + "; " + transfer.FenceRemedy
	case errors.Is(f.err, checkpoint.ErrCorruptCheckpoint):
		return f.text + "; `checkpoint set` or `checkpoint delete` repairs it"
	case errors.Is(f.err, checkpoint.ErrCorruptLease):
		return f.text + "; " + transfer.LeaseRemedy
	}
	return ""
}
