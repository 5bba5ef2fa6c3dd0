package redisstore

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Delete implements [driver.Driver]. It uses UNLINK, which frees the memory
// outside the server's main thread.
func (d *Driver) Delete(ctx context.Context, keys []string) (int, error) {
	if err := d.ready(ctx); err != nil {
		return 0, err
	}
	if len(keys) == 0 && d.pipelines.confirm.asked() {
		return 0, d.confirmAll(ctx)
	}
	total := 0
	for chunk := range slices.Chunk(keys, maxPipeline) {
		n, err := d.unlink(ctx, chunk)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
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
	total := 0
	var failed error
	for _, r := range d.send(ctx, cmds...) {
		n, ok := r.value.(int64)
		switch {
		case r.err != nil:
			failed = r.err
		case !ok:
			failed = unexpected("UNLINK", r.value)
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
