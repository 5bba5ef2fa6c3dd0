package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// A topology is which servers hold the keys, at one moment.
type topology struct {
	servers []*redis.Client
	slots   string // who serves what, to compare
	moving  bool   // whether slots are on their way
}

func (d *Driver) topology(ctx context.Context) (topology, error) {
	if d.pipelines.cluster != nil {
		return clusterTopology(ctx, d.pipelines.cluster)
	}
	return topology{servers: []*redis.Client{d.pipelines.server}}, d.refuseNode(ctx)
}

func clusterTopology(ctx context.Context, c *redis.ClusterClient) (topology, error) {
	var t topology
	var mu sync.Mutex
	var owned []string
	total := 0
	err := await(ctx, func() error {
		return c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			text, n, err := ownSlots(ctx, node)
			mu.Lock()
			defer mu.Unlock()
			t.servers = append(t.servers, node)
			owned = append(owned, text)
			total += n
			return err
		})
	})
	if err != nil {
		return topology{}, err
	}
	if total != slots {
		return topology{}, unsureError{fmt.Errorf("redisstore: the cluster's masters serve %d of %d slots, "+
			"so that a walk would miss keys: try again when they serve all", total, slots)}
	}
	slices.Sort(owned)
	t.slots = strings.Join(owned, "\n")
	t.moving = strings.Contains(t.slots, "[")
	return t, nil
}

// ownSlots is what a master says of itself in CLUSTER NODES, and how many slots
// it serves. The text has its id, its epoch, and its slots. The epoch rises
// with every slot that it takes over. Brackets mark slots that are on their
// way.
func ownSlots(ctx context.Context, node *redis.Client) (string, int, error) {
	text, err := node.ClusterNodes(ctx).Result()
	if err != nil {
		return "", 0, err
	}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 8 || !strings.Contains(f[2], "myself") {
			continue
		}
		if !strings.Contains(f[2], "master") {
			return "", 0, nil // demoted meanwhile: its slots will be missing
		}
		served := 0
		for _, r := range f[8:] {
			served += slotsIn(r)
		}
		return strings.Join(append([]string{f[0], f[6]}, f[8:]...), " "), served, nil
	}
	return "", 0, fmt.Errorf("redisstore: CLUSTER NODES of %s does not name the node itself", node.Options().Addr)
}

// slotsIn is how many slots are in "12" or "12-34". Slots in brackets count as
// none: the node lists them once more without brackets.
func slotsIn(r string) int {
	first, last, isRange := strings.Cut(r, "-")
	if !isRange {
		last = first
	}
	from, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	to, err := strconv.Atoi(last)
	if err != nil {
		return 0
	}
	return to - from + 1
}

// refuseNode stops a walk over a single node of a cluster, which would miss
// the keys of all others.
func (d *Driver) refuseNode(ctx context.Context) error {
	r := d.send(ctx, query(ctx, "info", "cluster"))[0]
	if text, _ := r.value.(string); r.err != nil || infoField(text, "cluster_enabled") != "1" {
		return r.err
	}
	r = d.send(ctx, query(ctx, "cluster", "nodes"))[0]
	if r.err != nil {
		return fmt.Errorf("redisstore: cannot tell whether the server is one node of several: %w", r.err)
	}
	text, ok := r.value.(string)
	if !ok {
		return unexpected("CLUSTER NODES", r.value)
	}
	masters := 0
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 8 && strings.Contains(f[2], "master") {
			masters++
		}
	}
	if masters > 1 {
		return errNode
	}
	return nil
}

var errNode = errors.New("redisstore: the server is one node of a cluster, and holds only a part of the keys: " +
	"use a cluster client, or cluster=true in the URL")
