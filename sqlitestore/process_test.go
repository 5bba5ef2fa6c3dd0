package sqlitestore_test

import (
	"context"
	"database/sql"
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

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
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
	os.Exit(leaktest.Check(m).Run())
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
	"hold":    holdTheLock,
	"make":    makeUntilKilled,
	"open":    func(_ context.Context, store *checkpoint.Store, _ uint64) error { return store.Close() },
	"race":    raceForTheMaximum,
	"restore": restoreUntilKilled,
	"write":   writeUntilKilled,
}

// holdTheLock begins a transaction, says so, and waits for its end.
func holdTheLock(ctx context.Context, _ *checkpoint.Store, _ uint64) error {
	db, err := sql.Open("sqlite", os.Getenv(envPath))
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	fmt.Println("locked")
	select {}
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
	return errors.Join(errors.Join(errs...), store.Close())
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
