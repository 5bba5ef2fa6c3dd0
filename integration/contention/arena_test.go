package contention

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/integration/internal/network"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

const (
	key = "orders"
	// patience is for whatever must happen, and does not say when.
	patience = 30 * time.Second
	// often is how often is looked whether it has.
	often = 2 * time.Millisecond
)

// An arena is where the instances of one consumer fight, seen by their
// supervisor.
type arena struct {
	t        *testing.T
	task     task // of each instance, but for its name and file
	dir      string
	all      []*process
	live     []*process // but for those that were killed or called off
	evidence evidence
	store    *checkpoint.Store // the supervisor's own
	unwatch  func()
	onlyRule error // where others are not looked at
}

func onRedis(t *testing.T) string {
	t.Helper()
	return redistest.Start(t).Addr()
}

func onPostgres(t *testing.T) string {
	t.Helper()
	return pgtest.Shared(t).NewDatabase()
}

func onSQLite(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "checkpoints.db")
}

// newArena begins to watch the checkpoint. The task names the store.
func newArena(t *testing.T, each task) *arena {
	t.Helper()
	a := &arena{t: t, task: each, dir: t.TempDir()}
	a.task.Key = key
	d, closeClient, err := openDriver(t.Context(), a.task.Store, patience)
	if err != nil {
		t.Fatal(err)
	}
	a.store = checkpoint.New(d, nil)
	watching, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause(watching, often) {
			a.observe()
		}
	}()
	a.unwatch = func() {
		stop()
		<-done
	}
	t.Cleanup(func() {
		for _, p := range a.all {
			a.kill(p)
		}
		a.unwatch()
		if err := a.evidence.violations(nil); err != nil && a.onlyRule == nil && !t.Failed() {
			t.Error(err)
		}
		a.store.Close()
		closeClient()
	})
	return a
}

func (a *arena) observe() {
	cp, err := a.store.Get(context.Background(), key)
	if errors.Is(err, checkpoint.ErrNotFound) {
		a.evidence.observeNothing()
		return
	}
	if err != nil {
		a.evidence.unreadable(err)
		return
	}
	a.evidence.observe(cp)
}

// start starts another instance. A name that was used before lets it take over
// from its former self.
func (a *arena) start(name string) (*process, error) {
	each := a.task
	each.Owner = name
	each.File = filepath.Join(a.dir, strconv.Itoa(len(a.all)+1))
	witness, err := a.evidence.addWitness(name, each.File)
	if err != nil {
		return nil, err
	}
	var between *network.Proxy
	if server := serverOf(each.Store); server != "" {
		if between, err = network.New(server); err != nil {
			return nil, err
		}
		each.Store = strings.Replace(each.Store, server, between.Addr(), 1)
	}
	p, err := startProcess(each, between)
	if err != nil {
		return nil, err
	}
	p.leave = sync.OnceFunc(func() {
		a.evidence.dismiss(witness)
		if between != nil {
			between.Close()
		}
	})
	a.all = append(a.all, p)
	a.live = append(a.live, p)
	return p, nil
}

func (a *arena) startNext() (*process, error) {
	return a.start("instance-" + strconv.Itoa(len(a.all)+1))
}

// kill ends a process, if it lives, as kill -9 does.
func (a *arena) kill(p *process) {
	a.forget(p)
	p.kill()
	p.leave()
}

// callOff sends SIGTERM. From then on the process may end.
func (a *arena) callOff(p *process) error {
	a.forget(p)
	return p.cmd.Process.Signal(syscall.SIGTERM)
}

func (a *arena) forget(p *process) {
	a.live = slices.DeleteFunc(a.live, func(q *process) bool { return q == p })
}

// exit waits until a process that was called off has exited without an error.
func (a *arena) exit(p *process) error {
	select {
	case <-p.exited:
	case <-time.After(patience):
		return fmt.Errorf("%s still runs, %v after it was called off", p.name, patience)
	}
	p.leave()
	if p.err != nil {
		return fmt.Errorf("%s was called off: %w\n%s", p.name, p.err, &p.stderr)
	}
	return nil
}

// until waits until something is so, by the evidence.
func (a *arena) until(what string, so func() bool) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(often) {
		var is bool
		a.evidence.look(func() { is = so() })
		if err := a.evidence.violations(a.onlyRule); err != nil {
			return err
		}
		if is {
			return nil
		}
		for _, p := range a.live {
			if err := p.died(); err != nil {
				return err
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %v it is still not so that %s", patience, what)
		}
	}
}

// ownerAtWork waits until an instance holds the lease, has handled so many
// events, and has moved the checkpoint.
func (a *arena) ownerAtWork(events int) (*process, *tenure, error) {
	var owner *process
	var t *tenure
	err := a.until("an instance is at work", func() bool {
		t = a.evidence.newest()
		if t == nil || t.ended != "" || t.handled < events || !a.evidence.storedAfter(t.resumed) {
			return false
		}
		i := slices.IndexFunc(a.live, func(p *process) bool { return p.name == t.owner })
		if i >= 0 {
			owner = a.live[i]
		}
		return i >= 0
	})
	return owner, t, err
}

// takenOver waits until another instance has the lease, and returns how long
// after since the supervisor saw it.
func (a *arena) takenOver(former *tenure, since time.Time) (took time.Duration, err error) {
	err = a.until("another instance takes over", func() bool {
		t := a.evidence.newest()
		took = t.seen.Sub(since)
		return t.epoch > former.epoch
	})
	return took, err
}
