package redisstore

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

// Scan implements [driver.Driver]. In a cluster it walks the masters one after
// another. Whatever could take a key past it (slots that move, a server that
// restarts or is replaced) makes it walk again, once its caller wants more, and
// end with an error where that does not end.
//
// It holds one connection of the client's pool until it ends, also while its
// caller is at a page. All walks of a driver (Scan, GetAll, Clear) hold at most
// half of the pool; of a cluster, half of one node's. One more waits for its
// turn as long as the client waits for a connection (PoolTimeout), and then
// fails. A pool of one connection is refused.
//
// Whoever breaks out of the loop waits for the SCAN under way, unless ctx ends.
func (d *Driver) Scan(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error] {
	return d.walk(ctx, driver.QuotePattern(d.prefix)+pattern, pageSize, newKeySet(), d.keyOfCheckpoint)
}

// walk yields the keys that keyOf makes of the names that match, except those in
// seen.
func (d *Driver) walk(
	ctx context.Context, match string, pageSize int, seen *keySet, keyOf func(redisKey string) (key string, ok bool),
) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		if err := d.ready(ctx); err != nil {
			yield(nil, err)
			return
		}
		if err := d.turns.take(ctx); err != nil {
			yield(nil, err)
			return
		}
		w := walk{
			driver: d, match: match, keyOf: keyOf, pageSize: pageSize,
			found: make(chan []string), ended: make(chan struct{}), seen: seen,
		}
		walking, leave := context.WithCancel(ctx)
		go func() {
			w.err = w.run(walking)
			d.turns.giveBack()
			close(w.ended)
		}()
		// Else SCANs of loops that were left would pile up on the server.
		defer func() {
			leave()
			select {
			case <-w.ended:
			case <-ctx.Done():
			}
		}()
		w.deliver(ctx, yield)
	}
}

// A walk finds keys in a goroutine of its own, one SCAN ahead of whom they are
// delivered to.
type walk struct {
	driver   *Driver
	match    string
	keyOf    func(redisKey string) (key string, ok bool)
	pageSize int
	found    chan []string // as SCAN answers, so some of them more than once
	ended    chan struct{} // closed when there is no more to find, and err says why
	err      error
	seen     *keySet // what was delivered, or is about to be
}

// deliver yields every key that it has not seen yet.
func (w *walk) deliver(ctx context.Context, yield func([]string, error) bool) {
	var page []string
	for {
		select {
		case keys := <-w.found:
			page = slices.Grow(page, len(keys))
			for _, redisKey := range keys {
				if key, ok := w.keyOf(redisKey); ok && w.seen.add(key) {
					page = append(page, key)
				}
			}
			if len(page) >= w.pageSize {
				if !yield(page, nil) {
					return
				}
				page = nil
			}
		case <-w.ended:
			if len(page) > 0 && !yield(page, nil) {
				return
			}
			if w.err != nil {
				yield(nil, w.err)
			}
			return
		case <-ctx.Done():
			yield(nil, ctx.Err())
			return
		}
	}
}

// A server that restarts must have time to, and what moves slots to go on.
const (
	maxWalks  = 3
	walkPause = 500 * time.Millisecond
)

// unsureError says that a walk may have missed keys, and that another may not.
type unsureError struct{ error }

func (e unsureError) Unwrap() error { return e.error }

var errMoving = unsureError{errors.New("redisstore: the cluster is moving slots between its nodes, " +
	"so that a scan could miss keys: try again when it is done")}

// run walks all servers until no key can have been missed.
func (w *walk) run(ctx context.Context) error {
	err := w.servers(ctx)
	for n := 1; n < maxWalks && errors.As(err, new(unsureError)); n++ {
		if err := w.rest(ctx); err != nil {
			return err
		}
		err = w.servers(ctx)
	}
	return err
}

// rest pauses, and then until the caller wants more: whoever is at a page for
// long would else find that all walks were used up meanwhile.
func (w *walk) rest(ctx context.Context) error {
	pause := time.NewTimer(walkPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return w.hand(ctx, nil)
}

func (w *walk) hand(ctx context.Context, keys []string) error {
	select {
	case w.found <- keys:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// servers walks all servers once.
func (w *walk) servers(ctx context.Context) error {
	before, err := w.driver.topology(ctx)
	if err != nil {
		return err
	}
	for _, s := range before.servers {
		if err := w.server(ctx, s); err != nil {
			return err
		}
	}
	after, err := w.driver.topology(ctx)
	if err != nil {
		return err
	}
	if before.slots != after.slots || before.moving || after.moving {
		return errMoving
	}
	return nil
}

// server walks one server, on one connection: a cursor means nothing to another
// process than the one that gave it out, which a new connection could lead to.
func (w *walk) server(ctx context.Context, s server) error {
	conn := s.Conn()
	defer conn.Close()
	if err := w.requireMaster(ctx, conn); err != nil {
		return err
	}
	for cursor := uint64(0); ; {
		scan := redis.NewScanCmd(ctx, nil, "scan", cursor, "match", w.match, "count", w.pageSize)
		if err := w.ask(ctx, conn, scan); err != nil {
			return err
		}
		var keys []string
		keys, cursor = scan.Val()
		if err := w.hand(ctx, keys); err != nil {
			return err
		}
		if cursor == 0 {
			return w.requireMaster(ctx, conn)
		}
	}
}

// requireMaster asks for the role on the connection of the walk: another may
// lead to another server. In a cluster each node has said which slots it serves.
func (w *walk) requireMaster(ctx context.Context, conn *redis.Conn) error {
	if _, cluster := w.driver.client.(*redis.ClusterClient); cluster {
		return nil
	}
	role := query(ctx, "role")
	err := w.ask(ctx, conn, role)
	if err != nil && !fromServer(err) {
		return err
	}
	return requireMaster(role)
}

// ask is unsure where there is no answer yet.
func (w *walk) ask(ctx context.Context, conn *redis.Conn, cmd redis.Cmder) error {
	err := closed(conn.Process(ctx, cmd))
	if end := w.driver.ready(ctx); end != nil {
		return end
	}
	if err != nil && (!fromServer(err) || redis.IsLoadingError(err)) {
		return unsureError{err}
	}
	return err
}
