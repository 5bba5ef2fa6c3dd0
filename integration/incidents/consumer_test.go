package incidents

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/internal/servertest"
	"github.com/checkpointstore/checkpoint/pgstore"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// envConsumers makes the test binary a process of consumers.
const envConsumers = "CHECKPOINT_TEST_CONSUMERS"

// consumers are what one process runs.
type consumers struct {
	Store string
	Began time.Time // when the log began
	Keys  []string  // each names what becomes of its consumer
}

const (
	headPerSecond = 20
	leaseTTL      = 10 * time.Second
	reportEvery   = 500 * time.Millisecond
)

// start runs consumers in a process of its own.
func (d desk) start(keys ...string) *exec.Cmd {
	d.Helper()
	text, err := json.Marshal(consumers{d.store, d.began, keys})
	if err != nil {
		d.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", envConsumers+"="+string(text))
	cmd.Stderr = os.Stderr
	servertest.DieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// beConsumers runs until a signal, or until each consumer has ended.
func beConsumers(text string) error {
	var c consumers
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	d, err := open(ctx, c.Store)
	if err != nil {
		return err
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
	ends := make(chan error, len(c.Keys))
	for _, key := range c.Keys {
		go func() { ends <- consume(ctx, store, c.Began, key) }()
	}
	var errs []error
	for range c.Keys {
		if err := <-ends; !errors.Is(err, checkpoint.ErrFenced) { // which is what a rewind is for
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func open(ctx context.Context, url string) (driver.Driver, error) {
	switch scheme, _, _ := strings.Cut(url, ":"); scheme {
	case "redis":
		return redisstore.Open(ctx, url, nil)
	case "postgres", "postgresql":
		return pgstore.Open(ctx, url, nil)
	case "etcd":
		return etcdstore.Open(ctx, url, nil)
	}
	return sqlitestore.Open(ctx, strings.TrimPrefix(url, "sqlite:"), nil)
}

// consume runs a consumer of a log that grows with the time, unless the consumer is idle.
func consume(ctx context.Context, store *checkpoint.Store, began time.Time, key string) error {
	head := func() uint64 {
		if key == "idle" {
			return 3
		}
		return 3 + uint64(time.Since(began)*headPerSecond/time.Second) //nolint:gosec // it is positive
	}
	opts := &subscription.Options{
		Missing: subscription.FromStart, FlushAfter: 100 * time.Millisecond, ReportEvery: reportEvery,
		Lease: &subscription.Lease{Owner: key + "@test", TTL: leaseTTL},
		Head:  func(context.Context) (checkpoint.Position, error) { return at(head()), nil },
	}
	events := func(ctx context.Context, after checkpoint.Position) iter.Seq2[uint64, error] {
		return func(yield func(uint64, error) bool) {
			for n := after.Commit + 1; ctx.Err() == nil; n++ {
				for n > head() && ctx.Err() == nil {
					time.Sleep(time.Second / headPerSecond)
				}
				if !yield(n, nil) {
					return
				}
			}
		}
	}
	return subscription.Consume(ctx, store, key, opts, events, subscription.Handler[uint64]{
		Position: at,
		Handle:   func(_ context.Context, n uint64) error { return handle(key, n) },
		Retry:    func(int, error) (time.Duration, bool) { return 100 * time.Millisecond, true },
	})
}

func handle(key string, n uint64) error {
	switch {
	case key == "stuck" && n > 5:
		return errors.New("mailbox full at smtp://me:hunter2@host")
	case key == "slow":
		time.Sleep(10 * time.Second / headPerSecond)
	}
	return nil
}

func at(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }
