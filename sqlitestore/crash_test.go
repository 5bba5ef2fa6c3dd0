package sqlitestore_test

import (
	"bufio"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
)

var (
	rounds = flag.Int("rounds", 40, "how often processes are killed while they write")
	seed   = flag.Uint64("seed", 0, "repeats the moments at which they are killed; zero chooses")
)

// killedProcesses write to the file at the same time.
const killedProcesses = 2

// TestKilledWhileWriting kills processes with SIGKILL at random moments, again
// and again: what they had acknowledged is there, and what they had not is
// there in full, or not at all.
func TestKilledWhileWriting(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-rounds %d -seed %d", *rounds, *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	h := newHistory()
	start := time.Now()
	for round := 1; round <= *rounds; round++ {
		var wg sync.WaitGroup
		var children [killedProcesses]struct {
			cmd   *exec.Cmd
			lines []string
		}
		for i := range children {
			c := &children[i]
			// Some die while they open the file, most while they write.
			opening, after := random.IntN(10) == 0, time.Duration(random.Int64N(int64(60*time.Millisecond)))
			var out io.Reader
			c.cmd, out = startChild(t, "write", path, h.steps[workKey("delete", uint64(i))]<<8|uint64(i))
			wg.Go(func() { c.lines = killAfter(c.cmd, out, opening, after) })
		}
		wg.Wait()
		for i := range children {
			if err := children[i].cmd.Wait(); err == nil || children[i].cmd.ProcessState.Exited() {
				t.Fatalf("round %d: a child ended by itself: %v", round, err)
			}
			for _, line := range children[i].lines {
				if err := h.add(line); err != nil {
					t.Fatalf("round %d: the child printed %q: %v", round, line, err)
				}
			}
		}
		if err := h.check(t.Context(), checkpoint.New(openAt(t, path), nil)); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if round%10 == 0 || round == *rounds {
			checkIntegrity(t, path)
		}
	}
	if h.acknowledged < *rounds {
		t.Fatalf("only %d writes were acknowledged: this proves nothing", h.acknowledged)
	}
	t.Logf("%d acknowledged writes in %v", h.acknowledged, time.Since(start).Round(time.Millisecond))
}

// killAfter returns what the child printed until it was killed.
func killAfter(cmd *exec.Cmd, out io.Reader, opening bool, after time.Duration) (lines []string) {
	kill := func() { _ = cmd.Process.Kill() }
	if opening {
		defer time.AfterFunc(after, kill).Stop()
	}
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		if len(lines) == 0 && !opening {
			defer time.AfterFunc(after, kill).Stop()
		}
		lines = append(lines, scanner.Text())
	}
	return lines
}

func checkIntegrity(tb testing.TB, path string) {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		tb.Fatal(err)
	}
	// An open connection would spare the next process the recovery of the log.
	defer db.Close()
	var answer string
	if err := db.QueryRowContext(tb.Context(), "PRAGMA integrity_check").Scan(&answer); err != nil || answer != "ok" {
		tb.Fatalf("integrity_check: %s, %v", answer, err)
	}
}

// writeUntilKilled does one thing per goroutine, again and again, each time one
// step further, and says so after each step. The number is its own, below the
// last step of the work that leaves no trace.
func writeUntilKilled(ctx context.Context, store *checkpoint.Store, number uint64) error {
	process, deleted := number&0xff, number>>8
	errs := make(chan error, len(works)+1)
	var wg sync.WaitGroup
	for name, w := range works {
		key := workKey(name, process)
		n, err := w.stored(ctx, store, key, deleted)
		if err != nil {
			return err
		}
		wg.Go(func() {
			for n++; ; n++ {
				if err := w.step(ctx, store, key, n); err != nil {
					errs <- fmt.Errorf("%s at %d: %w", key, n, err)
					return
				}
				say(name, process, n, "")
			}
		})
	}
	key := workKey("lease", process)
	wg.Go(func() {
		for {
			if err := leaseOnce(ctx, store, key, process); err != nil {
				errs <- fmt.Errorf("%s: %w", key, err)
				return
			}
		}
	})
	return <-errs
}

// say is one write of one line, which a kill does not tear.
func say(what string, process, n uint64, state string) {
	fmt.Printf("%s %d %d %s\n", what, process, n, state)
}
