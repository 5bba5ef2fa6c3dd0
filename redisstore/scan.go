package redisstore

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.RecordScanner = (*Driver)(nil)

// Scan implements [driver.Driver]. In a cluster it walks the masters one after
// another. A key could escape the walk if slots move, or if a server restarts or
// is replaced. Scan then walks again, once its caller wants more. If the cause
// persists, Scan ends with an error. It holds no connection while its caller
// works on a page.
//
// A caller that breaks out of the loop waits for the SCAN under way, unless ctx
// ends.
func (d *Driver) Scan(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error] {
	return d.walk(ctx, driver.QuotePattern(d.prefix)+pattern, pageSize, make(map[string]struct{}), d.keyOfCheckpoint)
}

// ScanRecords implements [driver.RecordScanner]. It reads the next page while the
// caller works on the one before it.
func (d *Driver) ScanRecords(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]driver.Record, error] {
	return ahead(ctx, func(ctx context.Context) iter.Seq2[[]driver.Record, error] {
		return func(yield func([]driver.Record, error) bool) {
			p := pages{driver: d, yield: yield}
			err := p.walk(ctx, pattern, pageSize)
			if p.wait(); err != nil && !p.left {
				yield(nil, err)
			}
		}
	})
}

// walk yields keys in pages of at least pageSize. keyOf makes a key of each name
// that matches. Keys in seen are left out.
func (d *Driver) walk(
	ctx context.Context, match string, pageSize int, seen map[string]struct{}, keyOf func(redisKey string) (key string, ok bool),
) iter.Seq2[[]string, error] {
	w := walk{driver: d, match: match, pageSize: pageSize}
	return func(yield func([]string, error) bool) {
		var page []string
		for names, err := range ahead(ctx, w.run) {
			if err != nil {
				if len(page) == 0 || yield(page, nil) {
					yield(nil, err)
				}
				return
			}
			page = slices.Grow(page, len(names))
			for _, name := range names {
				key, ok := keyOf(name)
				if _, twice := seen[key]; ok && !twice {
					seen[key] = struct{}{}
					page = append(page, key)
				}
			}
			if hasLeft(ctx) {
				return
			}
			if len(page) >= pageSize {
				if !yield(page, nil) {
					return
				}
				page = nil
			}
		}
		if len(page) > 0 {
			yield(page, nil)
		}
	}
}

// A walk finds the names of keys. It yields SCAN's answers, so it may yield a name
// more than once.
type walk struct {
	driver   *Driver
	match    string
	pageSize int
}

// The pauses between walks give a server time to restart, and slots time to
// move.
const (
	maxWalks  = 3
	walkPause = 500 * time.Millisecond
)

// unsureError says that a walk may have missed keys, and that another walk may
// find them.
type unsureError struct{ error }

func (e unsureError) Unwrap() error { return e.error }

var errMoving = unsureError{errors.New("redisstore: the cluster is moving slots between its nodes, " +
	"so that a scan could miss keys: try again when the move is done")}

// run walks all servers until no key can have been missed. Between two walks it
// yields an empty page, and so waits until the caller wants more. Otherwise all
// walks could be used up while the caller works on one page.
func (w *walk) run(ctx context.Context) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		err := w.servers(ctx, yield)
		for n := 1; n < maxWalks && errors.As(err, new(unsureError)); n++ {
			if err = sleep(ctx, walkPause); err != nil {
				break
			}
			if !yield(nil, nil) {
				return
			}
			err = w.servers(ctx, yield)
		}
		if err != nil && !errors.Is(err, errLeft) {
			yield(nil, err)
		}
	}
}

// errLeft ends a walk whose caller has left the loop.
var errLeft = errors.New("redisstore: the loop was left")

// servers walks all servers once.
func (w *walk) servers(ctx context.Context, yield func([]string, error) bool) error {
	before, err := w.driver.topology(ctx)
	if err != nil {
		return err
	}
	for _, s := range before.servers {
		if err := w.server(ctx, s, yield); err != nil {
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

// server walks one server. A cursor is valid only in the process that issued it,
// and the connection of the next page may lead to another process.
func (w *walk) server(ctx context.Context, s *redis.Client, yield func([]string, error) bool) error {
	process := ""
	for cursor := uint64(0); ; {
		scan := redis.NewScanCmd(ctx, nil, "scan", cursor, "match", w.match, "count", w.pageSize)
		by, err := w.ask(ctx, s, scan)
		if err != nil {
			return err
		}
		if process != "" && by != process {
			return errReplaced
		}
		process = by
		var names []string
		if names, cursor = scan.Val(); !yield(names, nil) {
			return errLeft
		}
		if cursor == 0 {
			return nil
		}
	}
}

var errReplaced = unsureError{errors.New("redisstore: the scan began on another server than the one that answers now, " +
	"so that the scan could miss keys: try again when the servers stay the same")}

// ask sends a SCAN, and returns which process has answered it. In a cluster,
// each node has already said which slots it serves. Outside a cluster, the
// server must be a master.
func (w *walk) ask(ctx context.Context, s *redis.Client, scan *redis.ScanCmd) (process string, err error) {
	if err := w.driver.ready(ctx); err != nil {
		return "", err
	}
	info, role := query(ctx, "info", "server"), query(ctx, "role")
	cmds := []redis.Cmder{scan, &info, &role}
	if w.driver.pipelines.cluster != nil {
		cmds = cmds[:2]
	}
	insist(ctx, s, true, cmds, func() { exec(ctx, s, cmds) })
	if w.driver.pipelines.cluster == nil {
		err = requireMaster(role.Result())
	}
	if err == nil {
		err = cmp.Or(scan.Err(), info.Err())
	}
	if err != nil {
		return "", w.failure(ctx, err)
	}
	text, _ := info.Val().(string)
	if process = infoField(text, "run_id"); process == "" {
		return "", errors.New("redisstore: INFO server names no run_id, and a walk needs it to tell one server from another")
	}
	return process, nil
}

// failure returns an unsureError if the server gave no answer, or is still
// loading.
func (w *walk) failure(ctx context.Context, err error) error {
	err = w.driver.explain(ctx, err)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, driver.ErrClosed) || errors.Is(err, ErrReplica) || fromServer(err) && !redis.IsLoadingError(err) {
		return err
	}
	return unsureError{err}
}
