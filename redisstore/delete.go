package redisstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

// Delete implements [driver.Driver]. It uses UNLINK, which frees the memory
// outside the server's main thread. With Options.Prefix it leaves no audit entries.
func (d *Driver) Delete(ctx context.Context, keys []string) (int, error) {
	if err := d.ready(ctx); err != nil {
		return 0, err
	}
	if len(keys) == 0 && d.pipelines.confirm.asked() {
		return 0, d.confirmAll(ctx)
	}
	remove, most, atATime := d.remove, maxScriptRead, maxReads
	if !d.fenced {
		remove, most, atATime = d.unlink, maxPipeline, 1
	}
	var total atomic.Int64
	err := inParallel(len(keys), most, atATime, func(from, to int) error {
		n, err := remove(ctx, keys[from:to])
		total.Add(int64(n))
		return err
	})
	return int(total.Load()), err
}

// remove deletes the checkpoints of keys, each together with its audit entry.
func (d *Driver) remove(ctx context.Context, keys []string) (int, error) {
	perCall := 1 // in a cluster, the keys of one call must be in one slot
	if d.pipelines.cluster == nil {
		perCall = len(keys)
	}
	by := driver.ByOf(ctx)
	replies := d.run(ctx, deleteScript, len(keys)/perCall, func(i int, args []any) []any {
		some := keys[i*perCall : (i+1)*perCall]
		args = append(args, 3*len(some))
		for _, key := range some {
			args = append(args, d.prefix+key, d.fenceKey(key), d.auditKey(key))
		}
		return appendBy(args, by)
	})
	return removed("the script", replies)
}

func (d *Driver) unlink(ctx context.Context, keys []string) (int, error) {
	perCommand := 1 // in a cluster, the keys of one command must be in one slot
	if d.pipelines.cluster == nil {
		perCommand = len(keys)
	}
	var cmds []command
	for some := range slices.Chunk(keys, perCommand) {
		args := make([]any, 0, len(some)+1)
		args = append(args, "unlink")
		for _, key := range some {
			args = append(args, d.prefix+key)
		}
		cmds = append(cmds, change(ctx, args...))
	}
	return removed("UNLINK", d.send(ctx, cmds...))
}

// removed adds up how many keys each command has removed.
func removed(command string, replies []reply) (total int, failed error) {
	for _, r := range replies {
		n, ok := r.value.(int64)
		switch {
		case r.err != nil:
			failed = r.err
		case !ok:
			failed = unexpected(command, r.value)
		case r.doubt != nil: // even if nothing was there: an earlier call may have removed it
			failed = r.doubt
		}
		total += int(n)
	}
	return total, failed
}

// confirmAll waits until replicas, or the disks, have everything that the
// masters have.
func (d *Driver) confirmAll(ctx context.Context) error {
	keys := []string{d.nudgeKey(d.prefix + "all")}
	if c := d.pipelines.cluster; c != nil && !strings.ContainsAny(d.prefix, "{}") {
		keys = nil
		seen := make(map[*redis.Client]bool)
		for _, tag := range slotTags() {
			key := d.nudgeKey(d.prefix + "{" + tag + "}")
			master, err := c.MasterForKey(ctx, key)
			if err != nil {
				return err
			}
			if !seen[master] {
				seen[master] = true
				keys = append(keys, key)
			}
		}
	}
	var cmds []command
	for _, key := range keys {
		cmds = append(cmds, change(ctx, "unlink", key))
	}
	for _, r := range d.send(ctx, cmds...) {
		if err := cmp.Or(r.err, r.doubt); err != nil {
			return err
		}
	}
	return nil
}
