package redisstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
)

// Scan implements [driver.Driver]. In a cluster it walks the masters one after
// another. Slots that move meanwhile could take a key past it, so it then
// walks them again, and gives up with an error where that does not end.
func (d *Driver) Scan(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		if err := d.ready(ctx); err != nil {
			yield(nil, err)
			return
		}
		match := checkpoint.QuotePattern(d.prefix) + pattern
		seen := make(map[string]struct{})
		for range maxWalks {
			before, err := d.topology(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, node := range before.nodes {
				if !d.scanNode(ctx, node, match, pageSize, seen, yield) {
					return
				}
			}
			after, err := d.topology(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			if before.slots == after.slots && !before.moving && !after.moving {
				return
			}
		}
		yield(nil, errMoving)
	}
}

const maxWalks = 3

var errMoving = errors.New("redisstore: the cluster is moving slots between its nodes, " +
	"so that a scan could miss keys: try again when it is done")

// scanNode walks one server. It returns false when the walk is over.
func (d *Driver) scanNode(
	ctx context.Context, node processor, match string, pageSize int,
	seen map[string]struct{}, yield func([]string, error) bool,
) bool {
	var page []string
	for cursor := uint64(0); ; {
		if err := d.ready(ctx); err != nil {
			yield(nil, err)
			return false
		}
		step := redis.NewScanCmd(ctx, nil, "scan", cursor, "match", match, "count", pageSize)
		if err := await(ctx, func() error { return node.Process(ctx, step) }); err != nil {
			yield(nil, err)
			return false
		}
		var keys []string
		keys, cursor = step.Val()
		for _, redisKey := range keys {
			key := strings.TrimPrefix(redisKey, d.prefix)
			if _, known := seen[key]; known || key == "" {
				continue
			}
			seen[key] = struct{}{}
			page = append(page, key)
		}
		if len(page) >= pageSize || cursor == 0 && len(page) > 0 {
			if !yield(page, nil) {
				return false
			}
			page = nil
		}
		if cursor == 0 {
			return true
		}
	}
}

// A processor is one server, or a client that finds its own.
type processor interface {
	Process(ctx context.Context, cmd redis.Cmder) error
}

// A topology is which servers hold the keys, at one moment.
type topology struct {
	nodes  []processor
	slots  string // who serves what, to compare
	moving bool   // whether slots are on their way
}

func (d *Driver) topology(ctx context.Context) (topology, error) {
	var t topology
	var mu sync.Mutex
	var err error
	switch c := d.client.(type) {
	case *redis.ClusterClient:
		var slots []string
		err = await(ctx, func() error {
			return c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
				own, err := ownSlots(ctx, node)
				mu.Lock()
				defer mu.Unlock()
				t.nodes = append(t.nodes, node)
				slots = append(slots, own)
				return err
			})
		})
		if err != nil {
			return topology{}, err
		}
		slices.Sort(slots)
		t.slots = strings.Join(slots, "\n")
		t.moving = strings.Contains(t.slots, "[")
	case *redis.Ring:
		err = await(ctx, func() error {
			return c.ForEachShard(ctx, func(_ context.Context, node *redis.Client) error {
				mu.Lock()
				defer mu.Unlock()
				t.nodes = append(t.nodes, node)
				return nil
			})
		})
		if err != nil {
			return topology{}, err
		}
	default:
		if err := d.refuseNode(ctx); err != nil {
			return topology{}, err
		}
		t.nodes = []processor{d.client}
	}
	return t, nil
}

// refuseNode stops a walk over a single node of a cluster, which would miss
// the keys of all others.
func (d *Driver) refuseNode(ctx context.Context) error {
	var text string
	err := await(ctx, func() (err error) {
		text, err = d.client.ClusterNodes(ctx).Result()
		return err
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		// No cluster, or nobody may ask. Where the server cannot be reached the
		// walk itself says so.
		return nil //nolint:nilerr // see above
	}
	masters := 0
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 8 && strings.Contains(fields[2], "master") {
			masters++
		}
	}
	if masters > 1 {
		return errNode
	}
	return nil
}

var errNode = errors.New("redisstore: the server is one node of a cluster, and holds a part of the keys only: " +
	"use a cluster client, or cluster=true in the URL")

// ownSlots is what a node says of itself in CLUSTER NODES: its id and the
// slots that it serves, with those in brackets that are on their way.
func ownSlots(ctx context.Context, node *redis.Client) (string, error) {
	text, err := node.ClusterNodes(ctx).Result()
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) >= 8 && strings.Contains(fields[2], "myself") {
			return fields[0] + " " + strings.Join(fields[8:], " "), nil
		}
	}
	return "", fmt.Errorf("redisstore: CLUSTER NODES of %s does not name the node itself", node.Options().Addr)
}
