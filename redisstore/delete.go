package redisstore

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"
)

// Delete implements [driver.Driver]. It unlinks, which frees the memory off
// the server's main thread.
func (d *Driver) Delete(ctx context.Context, keys []string) (int, error) {
	if err := d.ready(ctx); err != nil {
		return 0, err
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
	var cmds []command
	add := func(keys ...string) {
		args := make([]any, 0, len(keys)+1)
		args = append(args, "unlink")
		for _, key := range keys {
			args = append(args, d.prefix+key)
		}
		cmds = append(cmds, change(ctx, args...))
	}
	if _, standalone := d.client.(*redis.Client); standalone {
		add(keys...)
	} else {
		for _, key := range keys {
			add(key) // keys of one command must be in one slot
		}
	}
	found, err := d.sendChanges(ctx, cmds...)
	if err != nil {
		return 0, err
	}
	total := 0
	var failed error
	for i, cmd := range cmds {
		answer, err := cmd.answer()
		n, ok := answer.(int64)
		if err == nil && !ok {
			err = unexpected("UNLINK", answer)
		}
		if err != nil {
			failed = err
			continue
		}
		total += int(n)
		// Also where nothing was there: a call before this may have removed it.
		if doubt := found.of(i); doubt != nil {
			failed = doubt
		}
	}
	return total, failed
}
