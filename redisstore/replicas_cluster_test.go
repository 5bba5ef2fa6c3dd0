package redisstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

func TestClusterWithReplicas(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 1, "repl-diskless-sync-delay 0")
	masters, replicas := nodes[:3], nodes[3:]
	client := cluster(t, nodes)
	store := waiting(t, client, 1, long)
	ctx := t.Context()
	var batch []checkpoint.Write
	for i := range 500 {
		batch = append(batch, checkpoint.Write{Key: fmt.Sprint("k", i), Mark: checkpoint.Mark{Position: at(uint64(i), 1), Epoch: 3}})
	}
	must(store.Apply(ctx, batch...))
	for i, m := range masters {
		if got, want := replicas[i].Do("DBSIZE"), m.Do("DBSIZE"); got != want {
			t.Errorf("a master has %d keys, its replica %d", want, got)
		}
	}
	workThrough(t, store, 500)

	t.Run("without one replica", func(t *testing.T) {
		replicas[1].Pause()
		defer replicas[1].Resume()
		batch[0].Epoch = 9 // it was rewound
		outcomes, err := waiting(t, client, 1, brief).Apply(ctx, batch...)
		unconfirmed(t, "Apply", err, 0, 1)
		unknown := 0
		for i, o := range outcomes {
			_, owner, _ := place(t, masters, "prod:checkpoint:"+batch[i].Key)
			want := checkpoint.Advanced
			if owner == masters[1] {
				want = checkpoint.Unknown
				unknown++
			}
			if o != want {
				t.Errorf("%s is %v, want %v", batch[i].Key, o, want)
			}
		}
		if unknown == 0 {
			t.Error("no key is on the master without a replica")
		}
	})
	t.Run("a slot on its way", func(t *testing.T) {
		slot, from, to := place(t, masters, "prod:checkpoint:moving")
		startMoving(slot, from, to)
		brief, cancel := context.WithTimeout(ctx, betweenAttempts)
		defer cancel()
		outcomes, err := store.Apply(brief, checkpoint.Write{Key: "moving", Mark: checkpoint.Mark{Position: at(1, 1)}})
		if outcomes[0] != checkpoint.Failed || err == nil {
			t.Errorf("Apply while the slot is on its way is %v, %v; want Failed", outcomes, err)
		}
		time.AfterFunc(50*time.Millisecond, func() {
			for _, n := range []*redistest.Server{to, from} {
				n.Do("CLUSTER", "SETSLOT", slot, "NODE", nodeID(to))
			}
		})
		must(store.SetIfNewer(ctx, "moving", at(2, 1)))
		if c := must(store.Get(ctx, "moving")); c.Position != at(2, 1) {
			t.Errorf("after the move it is at %v", c.Position)
		}
	})
	t.Run("a slot that moved", func(t *testing.T) {
		must(store.SetIfNewer(ctx, "moved", at(1, 1)))
		slot, from, to := place(t, masters, "prod:checkpoint:moved")
		moveSlot(masters, slot, from, to)
		lease := must(store.Acquire(ctx, "moved", "a", time.Hour))
		must(store.SetIfNewer(ctx, "moved", at(2, 1), checkpoint.Epoch(lease.Epoch)))
		if err := store.Delete(ctx, "moved"); err != nil {
			t.Error(err)
		}
	})
}
