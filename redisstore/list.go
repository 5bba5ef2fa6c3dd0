package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
)

// lists reads the first items of the lists at keys, which are in one slot, or all items if
// most is 0. Outside a cluster, only a master's
// word counts that nothing is there. In a cluster, a replica redirects.
func (d *Driver) lists(ctx context.Context, most int, redisKeys ...string) ([][]string, error) {
	var cmds []command
	for _, key := range redisKeys {
		cmds = append(cmds, query(ctx, "lrange", key, 0, most-1))
	}
	if d.pipelines.cluster == nil {
		cmds = append(cmds, query(ctx, "role"))
	}
	replies := d.send(ctx, cmds...)
	lists := make([][]string, len(redisKeys))
	for i, key := range redisKeys {
		var err error
		if lists[i], err = list(key, replies[i]); err != nil {
			return nil, err
		}
	}
	if len(replies) > len(redisKeys) {
		role := replies[len(redisKeys)]
		return lists, requireMaster(role.value, role.err)
	}
	return lists, nil
}

func list(redisKey string, r reply) ([]string, error) {
	if r.err != nil {
		if redis.HasErrorPrefix(r.err, "WRONGTYPE") {
			return nil, driver.DamagedHistory("Redis key %q is no list: the next write that needs a list there replaces it: %v", redisKey, r.err)
		}
		return nil, r.err
	}
	items, ok := r.value.([]any)
	if !ok {
		return nil, unexpected("LRANGE", r.value)
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i], _ = item.(string)
	}
	return texts, nil
}
