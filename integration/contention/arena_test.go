package contention

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/integration/internal/engines"
	"github.com/checkpointstore/checkpoint/integration/internal/network"
	"github.com/checkpointstore/checkpoint/integration/internal/process"
)

const (
	key = "orders"
	// patience is for whatever must happen, and does not say when.
	patience = 30 * time.Second
	// often is how often is looked whether it has.
	often = 2 * time.Millisecond
)

// An fighter is an instance, as its supervisor sees it.
type fighter struct {
	*process.Process
	proxy network.Line // empty if it uses a file
	leave func()       // once it has exited
}

// An arena is where the instances of one consumer fight, seen by their
// supervisor.
type arena struct {
	t        *testing.T
	task     task // of each instance, but for its name and file
	dir      string
	all      []*fighter
	live     []*fighter // but for those that were killed or called off
	evidence evidence
	store    *checkpoint.Store // the supervisor's own
	unwatch  func()
	onlyRule error // where others are not looked at
}

// newArena begins to watch the checkpoint. The task names the store.
func newArena(t *testing.T, each task) *arena {
	t.Helper()
	a := &arena{t: t, task: each, dir: t.TempDir()}
	a.task.Key = key
	d, closeClient, err := engines.Open(t.Context(), a.task.Store, patience)
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
func (a *arena) start(name string) (*fighter, error) {
	each := a.task
	each.Owner = name
	each.File = filepath.Join(a.dir, strconv.Itoa(len(a.all)+1))
	witness, err := a.evidence.addWitness(name, each.File)
	if err != nil {
		return nil, err
	}
	var between network.Line
	if each.Store, between, err = engines.Behind(each.Store); err != nil {
		return nil, err
	}
	started, err := process.Start(name, each)
	if err != nil {
		return nil, err
	}
	p := &fighter{Process: started, proxy: between}
	p.leave = sync.OnceFunc(func() {
		a.evidence.dismiss(witness)
		between.Close()
	})
	a.all = append(a.all, p)
	a.live = append(a.live, p)
	return p, nil
}

func (a *arena) startNext() (*fighter, error) {
	return a.start("instance-" + strconv.Itoa(len(a.all)+1))
}

// kill ends a process, if it lives, as kill -9 does.
func (a *arena) kill(p *fighter) {
	a.forget(p)
	p.Kill()
	p.leave()
}

// callOff sends SIGTERM. From then on the process may end.
func (a *arena) callOff(p *fighter) error {
	a.forget(p)
	return p.CallOff()
}

func (a *arena) forget(p *fighter) {
	a.live = slices.DeleteFunc(a.live, func(q *fighter) bool { return q == p })
}

// exit waits until a process that was called off has exited without an error.
func (a *arena) exit(p *fighter) error {
	select {
	case <-p.Exited:
	case <-time.After(patience):
		return fmt.Errorf("%s still runs, %v after it was called off", p.Name, patience)
	}
	p.leave()
	if p.Err != nil {
		return fmt.Errorf("%s was called off: %w\n%s", p.Name, p.Err, &p.Stderr)
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
			if err := p.Died(); err != nil {
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
func (a *arena) ownerAtWork(events int) (*fighter, *tenure, error) {
	var owner *fighter
	var t *tenure
	err := a.until("an instance is at work", func() bool {
		t = a.evidence.newest()
		if t == nil || t.ended != "" || t.handled < events || !a.evidence.storedAfter(t.resumed) {
			return false
		}
		i := slices.IndexFunc(a.live, func(p *fighter) bool { return p.Name == t.owner })
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
