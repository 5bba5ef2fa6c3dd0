package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// wires is a hook that makes a wire of each connection of a client. go-redis does not tell
// which of them a *redis.Conn uses, so bind sends a word over it and looks where it passes.
type wires struct {
	word atomic.Pointer[string]
	mu   sync.Mutex
	last *wire // over which the word went
	n    int
}

var _ redis.Hook = (*wires)(nil)

// DialHook implements [redis.Hook].
func (h *wires) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		w := &wire{Conn: conn, of: h}
		if raw, ok := conn.(syscall.Conn); ok {
			w.raw = &rawWire{w, raw}
			return w.raw, nil
		}
		return w, nil
	}
}

// ProcessHook implements [redis.Hook].
func (h *wires) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements [redis.Hook].
func (h *wires) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

var errUnbound = errors.New("redisstore: the connection was made before the driver")

// bind returns the wire that conn uses.
func (h *wires) bind(ctx context.Context, conn *redis.Conn) (*wire, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n++
	word := fmt.Sprintf("checkpoint-%p-%d", h, h.n)
	h.last = nil
	h.word.Store(&word)
	err := conn.Do(ctx, "ping", word).Err()
	h.word.Store(nil)
	if err == nil && h.last == nil {
		err = errUnbound
	}
	return h.last, err
}

// A wire is a connection whose reads and writes another goroutine can end.
type wire struct {
	net.Conn
	of      *wires
	raw     *rawWire // nil: it is not one of the system
	mu      sync.Mutex
	aborted bool
	closed  atomic.Bool
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// abort ends every read and write, for good.
func (w *wire) abort() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.aborted = true
	_ = w.Conn.SetDeadline(past)
}

func (w *wire) set(t time.Time, set func(time.Time) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.aborted {
		t = past
	}
	return set(t)
}

// SetDeadline implements [net.Conn].
func (w *wire) SetDeadline(t time.Time) error { return w.set(t, w.Conn.SetDeadline) }

// SetReadDeadline implements [net.Conn].
func (w *wire) SetReadDeadline(t time.Time) error { return w.set(t, w.Conn.SetReadDeadline) }

// SetWriteDeadline implements [net.Conn].
func (w *wire) SetWriteDeadline(t time.Time) error { return w.set(t, w.Conn.SetWriteDeadline) }

// Write implements [net.Conn].
func (w *wire) Write(b []byte) (int, error) {
	if word := w.of.word.Load(); word != nil && strings.Contains(string(b), *word) {
		w.of.last = w
	}
	return w.Conn.Write(b)
}

// gone reports whether either side has closed a connection that was last used then. It does not
// ask the system about a connection in constant use.
func (w *wire) gone(used time.Time) bool {
	return w.closed.Load() || w.raw != nil && time.Since(used) > time.Millisecond && w.raw.dead()
}

// Close implements [net.Conn].
func (w *wire) Close() error {
	w.closed.Store(true)
	return w.Conn.Close()
}

// NetConn returns the connection below, where go-redis looks for one of the system.
func (w *wire) NetConn() net.Conn { return w.Conn }

// A rawWire is a connection of the system, so that go-redis sees whether the other side has
// closed it. One of TLS is none.
type rawWire struct {
	*wire
	syscall.Conn
}
