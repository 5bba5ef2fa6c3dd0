package redisstore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// A lane is a connection for calls that are alone. Such a call sends and reads by itself,
// and the end of its context ends the read. A call by the pools needs another goroutine,
// since go-redis reads until its timeout, and waking that goroutine takes as long as the
// rest of the call. All drivers of a client share one lane.
type lane struct {
	client  *redis.Client
	wires   *wires
	users   int         // drivers; guarded by lanes
	opening atomic.Bool // or no connection opens any more

	mu   sync.Mutex  // held by the call on the lane
	conn *redis.Conn // nil: there is none
	wire *wire
	used time.Time
	made time.Time
	next time.Time // before it none is opened
	left bool      // no driver uses it

	unbound int // how many connections had no wire
}

// pause is the time between two tries to open a lane. go-redis counts connections that fail,
// and gives calls no connection for a second after too many.
const pause = time.Second

// company is how long a pipeline of several calls means that no call is alone.
const company = time.Millisecond

// minPool is the size of the smallest pool that can spare a connection.
const minPool = 4

var lanes = struct {
	sync.Mutex
	of map[*redis.Client]*lane
}{of: make(map[*redis.Client]*lane)}

// laneOf returns the lane of client, or nil if its pool is small. The caller leaves it. With RESP3,
// go-redis turns its maintenance notifications off when a server refuses them. It does so for
// client and conn under two locks, which is a data race.
func laneOf(client *redis.Client) *lane {
	o := client.Options()
	if o.Protocol != 2 || o.PoolSize < minPool || o.MaxActiveConns > 0 && o.MaxActiveConns < minPool {
		return nil
	}
	lanes.Lock()
	defer lanes.Unlock()
	l := lanes.of[client]
	if l == nil {
		l = &lane{client: client, wires: new(wires)}
		client.AddHook(l.wires)
		lanes.of[client] = l
	}
	l.users++
	return l
}

// leave closes the connection after the last driver has left.
func (l *lane) leave() {
	lanes.Lock()
	defer lanes.Unlock()
	if l.users--; l.users > 0 {
		return
	}
	delete(lanes.of, l.client)
	l.opening.Store(true)
	if l.mu.TryLock() {
		l.end()
		return
	}
	go func() { // after the call on the lane
		l.mu.Lock()
		l.end()
	}()
}

// end closes the connection for good. The caller holds mu, and end gives it back.
func (l *lane) end() {
	defer l.mu.Unlock()
	l.left = true
	l.drop()
}

// take reports whether the caller has the lane, and must give it back. If there is no
// connection, take opens one for later calls.
func (l *lane) take() bool {
	if !l.mu.TryLock() {
		return false
	}
	if l.conn != nil && (l.wire.gone(l.used) || l.expired()) {
		l.drop()
	}
	if l.conn != nil {
		return true
	}
	soon := time.Now().Before(l.next)
	l.mu.Unlock()
	if !soon && l.opening.CompareAndSwap(false, true) {
		go l.open()
	}
	return false
}

// expired reports whether the client wants no connection as old as this.
func (l *lane) expired() bool {
	most := l.client.Options().ConnMaxLifetime
	return most > 0 && time.Since(l.made) > most
}

func (l *lane) open() {
	ctx, cancel := context.WithTimeout(context.Background(), maxWait)
	defer cancel()
	conn := l.client.EphemeralConn()
	wire, err := l.wires.bind(ctx, conn)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || l.left {
		_ = conn.Close()
		if errors.Is(err, errUnbound) {
			l.unbound++ // and the pool has one less of them
		} else {
			l.next = time.Now().Add(pause)
		}
		// A hook of the client may hide what passes over its connections.
		l.opening.Store(l.left || l.unbound > maxStale)
		return
	}
	l.conn, l.wire, l.used, l.made = conn, wire, time.Now(), time.Now()
	l.opening.Store(false)
}

// drop closes the connection. The caller holds mu.
func (l *lane) drop() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn, l.wire = nil, nil
	}
}

// ready tries a connection that may have been idle, and reports whether it answers.
func (l *lane) ready(ctx context.Context) bool {
	most := maxIdle
	if l.wire.raw != nil {
		most = maxSeen
	}
	if time.Since(l.used) <= most {
		return true
	}
	err := l.conn.Ping(ctx).Err()
	return err == nil || fromServer(err)
}

// run sends what cmds are packed into, and gives the lane back. It reports false if the
// lane broke before anything was sent, or if queries may be sent once more.
func (l *lane) run(ctx context.Context, p *pipelines, cmds []*command) bool {
	defer l.mu.Unlock()
	stop := context.AfterFunc(ctx, l.wire.abort)
	sent := l.ready(ctx) && ctx.Err() == nil
	switch {
	case !sent:
	case len(cmds) == 1 && (cmds[0].script != readScript || !p.transacts()):
		_ = l.conn.Process(ctx, cmds[0]) // the command's own error
	default:
		for s := p.pack(ctx, cmds); s != nil; s = s.settle(ctx, p) {
			exec(ctx, l.conn, s.cmds)
		}
	}
	l.used = time.Now()
	if ended := !stop(); !sent || ended || broken(cmds) {
		l.drop()
	}
	return sent && (cmds[0].once || ctx.Err() != nil || !lost(cmds))
}

// broken reports whether a connection is not to be used again: go-redis leaves one after
// some errors of the server, too.
func broken(cmds []*command) bool {
	for _, c := range cmds {
		if err := c.Err(); err != nil && !errors.Is(err, redis.Nil) && !isNoScript(err) {
			return true
		}
	}
	return false
}

// lost reports whether an answer did not come.
func lost(cmds []*command) bool {
	for _, c := range cmds {
		if err := c.Err(); err != nil && !fromServer(err) {
			return true
		}
	}
	return false
}

// alone sends the commands of a call by the lane, if nothing else is under way.
func (p *pipelines) alone(ctx context.Context, cmds []command, replies []reply) bool {
	if p.lane == nil || p.separate || isLarge(cmds) || cmds[0].once && p.confirm.asked() || p.flying() || !p.lane.take() {
		return false
	}
	all := make([]*command, len(cmds))
	for i := range cmds {
		all[i] = &cmds[i]
		cmds[i].laned = true
	}
	if !p.lane.run(ctx, p, all) {
		for i := range cmds {
			cmds[i].laned = false
			cmds[i].SetErr(nil)
		}
		return false
	}
	ended := ctx.Err()
	for i, c := range all {
		replies[i].value, replies[i].err = c.Result()
		if err := replies[i].err; ended != nil && err != nil && !fromServer(err) {
			replies[i].err = ended
		}
	}
	return true
}

// flying reports whether a pipeline is under way to the one server, or waits.
func (p *pipelines) flying() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.single.reads.flying() || p.single.changes.flying()
}

func (l *line) flying() bool {
	return l.flights > l.free || len(l.waiting) > 0 || !l.shared.IsZero() && time.Since(l.shared) < company
}
