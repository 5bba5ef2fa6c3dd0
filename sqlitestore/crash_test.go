package sqlitestore_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
)

const counters = 8

func counterKey(i int) string { return fmt.Sprintf("counter/%d", i) }

// countUntilKilled moves each of its keys on from where it stands, and says so
// after each acknowledged write.
func countUntilKilled(ctx context.Context, store *checkpoint.Store, _ uint64) error {
	var wg sync.WaitGroup
	errs := make(chan error, counters)
	for i := range counters {
		key := counterKey(i)
		cp, err := store.Get(ctx, key)
		if err != nil && !isNotFound(err) {
			return err
		}
		wg.Go(func() {
			for n := cp.Position.Commit + 1; ; n++ {
				ok, err := store.SetIfNewer(ctx, key, checkpoint.Position{Commit: n, Prepare: n}, checkpoint.Epoch(n))
				if err != nil || !ok {
					errs <- fmt.Errorf("%s at %d: %v, %w", key, n, ok, err)
					return
				}
				// One write of one line, which a kill does not tear.
				fmt.Fprintf(os.Stdout, "%d %d\n", i, n)
			}
		})
	}
	return <-errs
}

// TestKilledWhileWriting kills a process with SIGKILL at a random moment,
// again and again: what it had acknowledged is there.
func TestKilledWhileWriting(t *testing.T) {
	const rounds = 100
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	var acknowledged [counters]uint64
	total := 0
	for round := range rounds {
		cmd, out := startChild(t, "count", path, 0)
		lines := bufio.NewReader(out)
		// Some die while they open the file, most while they write.
		stopAfter := rand.N(60 * time.Millisecond)
		if round%10 == 0 {
			time.AfterFunc(stopAfter, func() { cmd.Process.Kill() })
		}
		var killer *time.Timer
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				break
			}
			if killer == nil {
				killer = time.AfterFunc(stopAfter, func() { cmd.Process.Kill() })
			}
			var i int
			var n uint64
			if _, err := fmt.Sscanf(line, "%d %d\n", &i, &n); err != nil {
				t.Fatalf("the child printed %q: %v", line, err)
			}
			acknowledged[i] = max(acknowledged[i], n)
			total++
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("round %d: the child ended by itself: %v", round, err)
		}
		checkAcknowledged(t, round, path, acknowledged[:])
	}
	if total < rounds {
		t.Fatalf("only %d writes were acknowledged in %d rounds: this proves nothing", total, rounds)
	}
	t.Logf("%d acknowledged writes in %d rounds", total, rounds)
}

func checkAcknowledged(t *testing.T, round int, path string, acknowledged []uint64) {
	t.Helper()
	store := checkpoint.New(openAt(t, path), nil)
	defer store.Close()
	for i, want := range acknowledged {
		if want == 0 {
			continue
		}
		cp, err := store.Get(t.Context(), counterKey(i))
		if err != nil {
			t.Fatalf("round %d: %d was acknowledged, and then: %v", round, want, err)
		}
		if cp.Position.Commit < want || cp.Position.Prepare != cp.Position.Commit || cp.Epoch != cp.Position.Commit {
			t.Fatalf("round %d: %d was acknowledged, stored is %+v", round, want, cp)
		}
		// The fence was raised in the same step.
		_, err = store.SetIfNewer(t.Context(), counterKey(i), cp.Position, checkpoint.Epoch(cp.Epoch-1))
		if cp.Epoch > 1 && !isFenced(err) {
			t.Fatalf("round %d: a write with an epoch below %d: %v, want ErrFenced", round, cp.Epoch, err)
		}
	}
}
