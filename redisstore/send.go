package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

// send sends the commands of one call: all of them queries, or all changes. If a
// slot of a cluster is on its way from one node to another, a command may run on
// neither. send sends such a command again until ctx ends, for two seconds at
// most.
func (d *Driver) send(ctx context.Context, cmds ...command) []reply {
	replies := d.pipelines.send(ctx, cmds)
	if !slices.ContainsFunc(replies, func(r reply) bool { return r.err != nil }) {
		return replies
	}
	for pause := time.Millisecond; pause <= maxPause; pause *= 2 {
		var again []command
		var index []int
		for i := range replies {
			if err := replies[i].err; err != nil && !cmds[i].hasty && d.passes(ctx, err) {
				again = append(again, command{Cmd: redis.NewCmd(ctx, cmds[i].Args()...), once: cmds[i].once})
				index = append(index, i)
			}
		}
		if len(again) == 0 || sleep(ctx, pause) != nil {
			break
		}
		for n, r := range d.pipelines.send(ctx, again) {
			replies[index[n]] = r
		}
	}
	for i := range replies {
		if replies[i].err != nil {
			replies[i].err = d.explain(ctx, replies[i].err)
		}
	}
	return replies
}

// maxPause is the last pause before a command that ran nowhere is sent again.
// Each pause is twice the one before it.
const maxPause = 1024 * time.Millisecond

// passes reports whether a command ran nowhere, for a reason that will pass.
func (d *Driver) passes(ctx context.Context, err error) bool {
	if d.redirected(err) {
		d.pipelines.cluster.ReloadState(ctx)
		return true
	}
	return redis.HasErrorPrefix(err, "TRYAGAIN")
}

// redirected reports whether a node did not run a command because another node has
// its slot. A cluster client follows redirects itself. But a change that must be
// confirmed is sent to one server, since the WAIT after it must reach the same
// server.
func (d *Driver) redirected(err error) bool {
	return d.pipelines.cluster != nil && d.pipelines.confirm.asked() && isRedirect(err)
}

// explain turns an error of go-redis into ours.
func (d *Driver) explain(ctx context.Context, err error) error {
	if errors.Is(err, net.ErrClosed) && d.closed.Load() {
		return fmt.Errorf("%w: %w", driver.ErrClosed, err)
	}
	return overdue(ctx, closed(err))
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run calls s n times in few round trips. It calls s by its name, and again by its
// text if a server does not know the name. The queries in behind follow the calls
// in every round trip.
func (d *Driver) run(ctx context.Context, s *script, n int, args func(i int, to []any) []any, behind ...command) []reply {
	if n+len(behind) == 0 {
		return nil // a pipeline needs a command
	}
	cmds := make([]command, n, n+len(behind))
	r := d.pipelines.takeRoom()
	r.grow(n, n*s.args)
	for i := range cmds {
		if cmds[i] = s.command(ctx, r, true, i, args); len(behind) > 0 {
			cmds[i].script = nil // all answers must come in one round trip
		}
	}
	replies := d.send(ctx, append(cmds, behind...)...)
	if !slices.ContainsFunc(replies, func(r reply) bool { return r.err != nil }) { // none is under way any more
		d.pipelines.giveBack(r)
		return replies
	}
	var unknown []int
	for i := range cmds {
		if isNoScript(replies[i].err) {
			unknown = append(unknown, i)
		}
	}
	switch {
	case len(unknown) == 0:
		return replies
	case len(behind) > 0: // the answers to behind must come with all others
		for i := range replies {
			unknown = append(unknown[:i], i)
		}
	}
	if err := d.ready(ctx); err != nil {
		for _, i := range unknown {
			replies[i] = reply{err: notSentError{err}}
		}
		return replies
	}
	cmds = cmds[:0]
	for _, i := range unknown {
		if i < n {
			cmds = append(cmds, s.command(ctx, new(room), false, i, args))
		} else {
			cmds = append(cmds, query(ctx, behind[i-n].Args()...))
		}
	}
	for i, r := range d.send(ctx, cmds...) {
		replies[unknown[i]] = r
	}
	return replies
}

// inParallel calls f for parts of n items, atATime of them at once. So the
// client can encode or read some parts while the server works on others. It
// returns the error of the first part that has one.
func inParallel(n, size, atATime int, f func(from, to int) error) error {
	switch {
	case n == 0:
		return nil
	case n <= size:
		return f(0, n)
	}
	errs := make([]error, (n+size-1)/size)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(len(errs), atATime) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(errs); i = int(next.Add(1)) - 1 {
				errs[i] = f(i*size, min(n, (i+1)*size))
			}
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
