package redisstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// betweenAttempts ends in a pause between two attempts: those of up to 256 ms are over, and the
// next one lasts for 512 ms.
const betweenAttempts = 800 * time.Millisecond

// TestKeysOnTheirWay: a checkpoint has moved to another node, and its fence not
// yet, so that the script which needs both runs nowhere.
func TestKeysOnTheirWay(t *testing.T) {
	const key, redisKey = "moving", "prod:checkpoint:moving"
	nodes := redistest.StartCluster(t, 3, 0)
	s := inNamespace(t, cluster(t, nodes), "prod:")
	must(s.SetIfNewer(t.Context(), key, at(1, 1), checkpoint.Epoch(1)))
	slot, from, to := place(t, nodes, redisKey)
	startMoving(slot, from, to)
	host, port, _ := strings.Cut(to.Addr(), ":")
	from.Do("MIGRATE", host, port, redisKey, "0", "5000")

	ctx, cancel := context.WithTimeout(t.Context(), betweenAttempts)
	defer cancel()
	outcomes, err := s.Apply(ctx, checkpoint.Write{Key: key, Mark: checkpoint.Mark{Position: at(2, 1), Epoch: 1}})
	if outcomes[0] != checkpoint.Failed || err == nil {
		t.Errorf("Apply between two nodes is %v, %v; want Failed", outcomes, err)
	}
	time.AfterFunc(50*time.Millisecond, func() {
		from.Do("MIGRATE", host, port, "prod:checkpoint-fence:{"+redisKey+"}", "0", "5000")
	})
	if ok, err := s.SetIfNewer(t.Context(), key, at(3, 1), checkpoint.Epoch(1)); !ok || err != nil {
		t.Errorf("SetIfNewer while the keys move is %v, %v", ok, err)
	}
}

// TestScanWaitsForAWholeCluster: for a moment no master serves a slot.
func TestScanWaitsForAWholeCluster(t *testing.T) {
	const n = 300
	nodes := redistest.StartCluster(t, 3, 0)
	s := inNamespace(t, cluster(t, nodes), "prod:")
	fill(t, s, n)
	nodes[0].Do("CLUSTER", "DELSLOTS", "1")
	time.AfterFunc(200*time.Millisecond, func() { nodes[0].Do("CLUSTER", "ADDSLOTS", "1") })
	if found, err := walkAll(t, s, n, func() {}); err != nil || found != n {
		t.Errorf("found %d of %d keys, %v", found, n, err)
	}
}
