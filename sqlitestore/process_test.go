package sqlitestore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// The test binary is also the processes that the tests start: these names in
// the environment say what to do.
const (
	envRole   = "CHECKPOINT_TEST_ROLE"
	envPath   = "CHECKPOINT_TEST_PATH"
	envNumber = "CHECKPOINT_TEST_NUMBER"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(envRole); role != "" {
		if err := beChild(context.Background(), role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func beChild(ctx context.Context, role string) error {
	d, err := sqlitestore.Open(ctx, os.Getenv(envPath), nil)
	if err != nil {
		return err
	}
	do, ok := roles[role]
	if !ok {
		return fmt.Errorf("unknown role %q", role)
	}
	n, err := strconv.ParseUint(os.Getenv(envNumber), 10, 64)
	if err != nil {
		return err
	}
	return do(ctx, checkpoint.New(d, nil), n)
}

// roles are what a process may be started as, given a number of its own.
var roles = map[string]func(ctx context.Context, store *checkpoint.Store, number uint64) error{
	"count": countUntilKilled,
	"race":  raceForTheMaximum,
}

func startChild(tb testing.TB, role, path string, number uint64) (*exec.Cmd, io.Reader) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), os.Args[0])
	// The race detector otherwise waits a second before it lets a process end.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", envRole+"="+role, envPath+"="+path, envNumber+"="+strconv.FormatUint(number, 10))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	return cmd, out
}

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

const racePositions = 300

// raceForTheMaximum writes random positions to one key from some goroutines.
func raceForTheMaximum(ctx context.Context, store *checkpoint.Store, seed uint64) error {
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for g := range errs {
		wg.Go(func() {
			for _, p := range racers(seed, uint64(g)) {
				if _, err := store.SetIfNewer(ctx, "one", p); err != nil {
					errs[g] = err
					return
				}
				cp, err := store.Get(ctx, "one")
				if err != nil {
					errs[g] = err
					return
				}
				if cp.Position.Compare(p) < 0 {
					errs[g] = fmt.Errorf("%s is stored right after %s was written", cp.Position, p)
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(append(errs, store.Close())...)
}

func racers(seed, goroutine uint64) []checkpoint.Position {
	r := rand.New(rand.NewPCG(seed, goroutine))
	positions := make([]checkpoint.Position, racePositions/4)
	for i := range positions {
		positions[i] = checkpoint.Position{Commit: r.Uint64(), Prepare: r.Uint64()}
	}
	return positions
}

// TestProcesses lets two and then eight processes write one key of one file.
func TestProcesses(t *testing.T) {
	for _, n := range []int{2, 8} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "checkpoints.db")
			var want checkpoint.Position
			var children []*exec.Cmd
			for i := range n {
				// They also make the file, at the same time.
				cmd, _ := startChild(t, "race", path, uint64(i))
				children = append(children, cmd)
				for g := range uint64(4) {
					for _, p := range racers(uint64(i), g) {
						if p.Compare(want) > 0 {
							want = p
						}
					}
				}
			}
			for _, cmd := range children {
				if err := cmd.Wait(); err != nil {
					t.Error(err)
				}
			}
			store := checkpoint.New(openAt(t, path), nil)
			cp, err := store.Get(t.Context(), "one")
			if err != nil || cp.Position != want {
				t.Errorf("Get = %s, %v; want the maximum of all that was written, %s", cp.Position, err, want)
			}
		})
	}
}
