package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
)

func init() { roles["lease"] = raceForLeases }

const leaseRounds = 200

// Every fourth lease is not released, and has expired before the next round.
func isBrief(round int) bool { return round%4 == 3 }

// raceForLeases meets one other process at the start of each round, wants the
// lease as it does, and prints the round and the epoch where it gets it.
func raceForLeases(ctx context.Context, store *checkpoint.Store, number uint64) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	me, other := fmt.Sprintf("at/%d", number), fmt.Sprintf("at/%d", 1-number)
	phase := uint64(0)
	meet := func() error {
		phase++
		if err := store.Set(ctx, me, checkpoint.Position{Commit: phase}); err != nil {
			return err
		}
		for {
			cp, err := store.Get(ctx, other)
			if err != nil && !isNotFound(err) {
				return err
			}
			if cp.Position.Commit >= phase {
				return nil
			}
		}
	}
	for round := range leaseRounds {
		if err := meet(); err != nil {
			return err
		}
		ttl := time.Minute
		if isBrief(round) {
			ttl = time.Millisecond
		}
		lease, err := store.Acquire(ctx, "one", me, ttl)
		var held *checkpoint.LeaseHeldError
		switch {
		case err == nil:
			fmt.Fprintf(os.Stdout, "%d %d\n", round, lease.Epoch)
		case !errors.As(err, &held) || held.Owner != other:
			return fmt.Errorf("round %d: %w", round, err)
		}
		if err := meet(); err != nil {
			return err
		}
		switch {
		case isBrief(round):
			time.Sleep(2 * time.Millisecond)
		case held == nil:
			// Nobody has come between.
			p := checkpoint.Position{Commit: lease.Epoch}
			if ok, err := store.SetIfNewer(ctx, "one", p, checkpoint.Epoch(lease.Epoch)); !ok || err != nil {
				return fmt.Errorf("round %d: a write of the lease's owner: %v, %w", round, ok, err)
			}
			if err := store.Release(ctx, lease); err != nil {
				return err
			}
		}
	}
	return store.Close()
}

// TestProcessesRaceForALease: never two owners of one epoch, and never two at a
// time.
func TestProcessesRaceForALease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	var children []*exec.Cmd
	var outs []io.Reader
	for i := range uint64(2) {
		cmd, out := startChild(t, "lease", path, i)
		children, outs = append(children, cmd), append(outs, out)
	}
	owners := map[uint64]int{} // by epoch
	var granted [leaseRounds]int
	wins := [2]int{}
	for i, cmd := range children {
		printed, err := io.ReadAll(outs[i])
		if err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		for line := range strings.Lines(string(printed)) {
			var round int
			var epoch uint64
			if _, err := fmt.Sscanf(line, "%d %d\n", &round, &epoch); err != nil {
				t.Fatalf("a child printed %q: %v", line, err)
			}
			if by, ok := owners[epoch]; ok {
				t.Errorf("process %d got epoch %d, which process %d has", i, epoch, by)
			}
			owners[epoch] = i
			granted[round]++
			wins[i]++
		}
	}
	for round, n := range granted {
		if n != 1 && (n != 2 || !isBrief(round)) {
			t.Errorf("round %d: %d processes got the lease", round, n)
		}
	}
	for epoch := range uint64(len(owners)) {
		if _, ok := owners[epoch+1]; !ok {
			t.Errorf("of %d epochs %d is missing", len(owners), epoch+1)
		}
	}
	t.Logf("the processes got %d and %d leases", wins[0], wins[1])
}
