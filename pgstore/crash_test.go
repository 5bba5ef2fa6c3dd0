package pgstore_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/internal/servertest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

var (
	rounds = flag.Int("rounds", 20, "how often the builders of a read model are killed")
	seed   = flag.Uint64("seed", 0, "repeats the moments at which they are killed; zero chooses")
)

// The environment of a process that builds a read model.
const (
	envURL   = "PGSTORE_TEST_URL"
	envApart = "PGSTORE_TEST_APART" // it stores the checkpoint in a transaction of its own
)

// TestKilledWithinAReadModel lets two processes at a time fight for a read model, and kills
// both with SIGKILL, again and again. Between, their connections are lost, and they try
// again. Each event has exactly one effect.
func TestKilledWithinAReadModel(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-rounds %d -seed %d", *rounds, *seed)
	events, err := fightOverAReadModel(t, *rounds, false)
	if err != nil || events < *rounds {
		t.Fatalf("%d events have taken effect, %v", events, err)
	}
	t.Logf("%d events", events)
}

// TestCheckpointApartFromItsReadModel: without OnTx the test above fails.
func TestCheckpointApartFromItsReadModel(t *testing.T) {
	if events, err := fightOverAReadModel(t, 1000, true); err == nil {
		t.Errorf("%d events have one effect each, though their checkpoints were stored apart", events)
	}
}

// fightOverAReadModel returns how many events took effect, and an error after the first
// round in which not each of them did so once.
func fightOverAReadModel(t *testing.T, rounds int, apart bool) (events int, err error) {
	t.Helper()
	random := rand.New(rand.NewPCG(*seed, 0))
	url := newDatabase(t)
	execute(t, url, "CREATE TABLE effects (event numeric)")
	for range rounds {
		var wg sync.WaitGroup
		for range 2 {
			after := time.Duration(random.Int64N(int64(60 * time.Millisecond)))
			wg.Go(func() {
				if err := buildUntilKilled(t, url, apart, after); err != nil {
					t.Error(err)
				}
			})
		}
		for range random.IntN(3) {
			time.Sleep(time.Duration(random.Int64N(int64(20 * time.Millisecond))))
			execute(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		}
		wg.Wait()
		if t.Failed() {
			t.FailNow()
		}
		if events, err = effects(t, url); err != nil {
			return events, err
		}
	}
	return events, nil
}

// effects returns how many events took effect, or an error unless these are the events up
// to the checkpoint, once each.
func effects(t *testing.T, url string) (events int, err error) {
	t.Helper()
	text := pgtest.Shared(t).SQLAt(url, `
		SELECT count(*) || ' ' || count(DISTINCT event) || ' ' || coalesce(max(event), 0) || ' ' ||
			coalesce((SELECT commit_position FROM checkpoint.checkpoints), 0) FROM effects`)
	var distinct, last, position int
	if _, err := fmt.Sscan(text, &events, &distinct, &last, &position); err != nil {
		t.Fatal(err)
	}
	if distinct != events || last != events || position != events {
		return events, fmt.Errorf("%d effects of %d events, the last is %d, and the checkpoint is at %d", events, distinct, last, position)
	}
	return events, nil
}

// buildUntilKilled starts a process, and kills it some time after its first event.
func buildUntilKilled(t *testing.T, url string, apart bool, after time.Duration) error {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envURL+"="+url, envApart+"="+strconv.FormatBool(apart))
	cmd.Stderr = os.Stderr
	servertest.DieWithParent(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, _ = bufio.NewReader(out).ReadString('\n')
	time.Sleep(after)
	_ = cmd.Process.Kill()
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		return fmt.Errorf("a process ended by itself: %w", err)
	}
	return nil
}

// A builder is the process that builds a read model.
type builder struct {
	pool  *pgxpool.Pool
	store *checkpoint.Store
	apart bool
}

const readModel = "read-model"

// build takes the lease whenever it is free. A lease ends often, in the middle of the work.
func build(ctx context.Context, url string, apart bool) error {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	d, err := pgstore.New(pool, nil)
	if err != nil {
		return err
	}
	b := builder{pool, checkpoint.New(d, nil), apart}
	for failures := 0; ; {
		lease, err := b.store.Acquire(ctx, readModel, strconv.Itoa(os.Getpid()), 50*time.Millisecond)
		if err == nil {
			err = b.work(ctx, lease.Epoch)
		}
		switch {
		case errors.Is(err, checkpoint.ErrLeaseHeld):
			fmt.Println("waits")
			time.Sleep(time.Millisecond)
		case !errors.Is(err, checkpoint.ErrFenced):
			if failures++; failures == 100 {
				return err
			}
		}
	}
}

// work handles events until another process has the lease.
func (b *builder) work(ctx context.Context, epoch uint64) error {
	cp, err := b.store.Get(ctx, readModel)
	if err != nil && !errors.Is(err, checkpoint.ErrNotFound) {
		return err
	}
	for n := cp.Position.Commit + 1; ; n++ {
		err := b.handle(ctx, n, epoch)
		for range 100 { // the connection was lost, and perhaps after the commit
			if err == nil || errors.Is(err, errHandled) || errors.Is(err, checkpoint.ErrFenced) {
				break
			}
			err = b.handle(ctx, n, epoch)
		}
		if err != nil && !errors.Is(err, errHandled) {
			return err
		}
		fmt.Println(n)
	}
}

// handle lets event n take effect.
func (b *builder) handle(ctx context.Context, n, epoch uint64) error {
	tx, err := b.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, "INSERT INTO effects VALUES ($1::text::numeric)", strconv.FormatUint(n, 10)); err != nil {
		return err
	}
	if b.apart {
		if err := tx.Commit(ctx); err != nil {
			return err
		}
		return advance(ctx, b.store, n, epoch)
	}
	d, err := pgstore.OnTx(tx, nil)
	if err != nil {
		return err
	}
	if err := advance(ctx, checkpoint.New(d, nil), n, epoch); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	if rand.IntN(8) == 0 {
		return errLost
	}
	return nil
}

// errLost: the answer to the commit is lost.
var errLost = errors.New("no answer")

var errHandled = errors.New("the event has been handled before")

func advance(ctx context.Context, store *checkpoint.Store, n, epoch uint64) error {
	outcomes, err := store.Apply(ctx, checkpoint.Write{
		Key: readModel, IfNewer: true, Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: n}, Epoch: epoch},
	})
	switch {
	case err != nil:
		return err
	case outcomes[0] == checkpoint.Fenced:
		return checkpoint.ErrFenced
	case outcomes[0] != checkpoint.Advanced:
		return errHandled
	}
	return nil
}
