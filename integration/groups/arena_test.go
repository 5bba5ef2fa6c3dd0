package groups

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/integration/internal/engines"
	"github.com/checkpointstore/checkpoint/integration/internal/network"
	"github.com/checkpointstore/checkpoint/integration/internal/process"
)

const (
	// patience is for what must happen, and does not say when.
	patience = 2 * time.Minute
	// often is how often the checkpoints are read.
	often = 50 * time.Millisecond
)

// An arena is where the members of a group live, seen by their supervisor.
type arena struct {
	t        *testing.T
	task     task // of each member, except for its name and file
	patience time.Duration
	dir      string
	all      []*fighter
	live     []*fighter // neither killed nor called off
	evidence *evidence
	unwatch  func()
}

// A fighter is a member, as its supervisor sees it.
type fighter struct {
	*process.Process
	line    network.Line // empty if it uses a file
	witness *witness
	stopped instant // or zero
}

// newArena begins to watch the checkpoints. The task names the store.
func newArena(t *testing.T, each task) *arena {
	t.Helper()
	a := &arena{t: t, task: each, patience: patience, dir: t.TempDir(), evidence: newEvidence(each.Partitions)}
	a.task.Log.Began, a.task.Model = now(), filepath.Join(a.dir, "model")
	d, closeClient, err := engines.Open(t.Context(), each.Store, patience)
	if err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	watching, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	keys := make([]string, each.Partitions)
	for p := range keys {
		keys[p] = keyOf(p)
	}
	go func() {
		defer close(done)
		for pause(watching, often) {
			a.evidence.observe(store.GetMany(context.Background(), keys...))
		}
	}()
	a.unwatch = func() {
		stop()
		<-done
	}
	t.Cleanup(func() {
		for _, f := range a.all {
			a.kill(f)
		}
		a.unwatch()
		err := errors.Join(store.Close(), closeClient())
		if err != nil {
			t.Error(err)
		}
	})
	return a
}

// start starts other members at the same time.
func (a *arena) start(n int, sabotage string) error {
	for range n {
		each := a.task
		each.Name = "member-" + strconv.Itoa(len(a.all)+1)
		each.Records, each.Sabotage = filepath.Join(a.dir, each.Name), sabotage
		f := &fighter{}
		var err error
		if f.witness, err = a.evidence.add(each.Name, each.Records); err != nil {
			return err
		}
		if each.Store, f.line, err = engines.Behind(each.Store); err != nil {
			return err
		}
		if f.Process, err = process.Start(each.Name, each); err != nil {
			return err
		}
		a.all, a.live = append(a.all, f), append(a.live, f)
	}
	return nil
}

// kill ends a process, if it lives, as kill -9 does.
func (a *arena) kill(f *fighter) {
	a.forget(f)
	at := now()
	f.Kill()
	a.buried(f, at)
}

// buried is for a process that has ended.
func (a *arena) buried(f *fighter, at instant) {
	f.line.Close()
	f.line = nil
	a.evidence.dismiss(f.witness, at)
}

func (a *arena) forget(f *fighter) {
	a.live = slices.DeleteFunc(a.live, func(g *fighter) bool { return g == f })
}

// stop stops a process, and keeps it among the living.
func (a *arena) stop(f *fighter) error {
	f.stopped = now()
	return f.Stop()
}

func (a *arena) goOn(f *fighter) error {
	err := f.GoOn()
	a.evidence.stop(f.witness, span{f.stopped, now()})
	return err
}

// callOff ends a member in good order.
func (a *arena) callOff(f *fighter) error {
	a.forget(f)
	if err := f.CallOff(); err != nil {
		return err
	}
	select {
	case <-f.Exited:
	case <-time.After(a.patience):
		return fmt.Errorf("%s still runs, %v after it was called off", f.Name, a.patience)
	}
	a.buried(f, now())
	if f.Err != nil {
		return fmt.Errorf("%s was called off: %w\n%s", f.Name, f.Err, &f.Stderr)
	}
	return nil
}

// balanced waits until the partitions are shared out evenly among the living, and returns
// how long this took.
func (a *arena) balanced() (time.Duration, error) {
	living := make([]*witness, len(a.live))
	for i, f := range a.live {
		living[i] = f.witness
	}
	for began := now(); ; time.Sleep(often / 5) {
		var err error
		a.evidence.look(func() { err = a.evidence.imbalance(living) })
		took := now().since(began)
		if err == nil {
			return took, nil
		}
		for _, f := range a.live {
			if died := f.Died(); died != nil {
				return took, died
			}
		}
		if took > a.patience {
			return took, fmt.Errorf("after %v: %w", took.Round(time.Millisecond), err)
		}
	}
}

// quiet lets nothing happen for a TTL. Members may not have seen yet that all is in its
// place, so what they do in the first third does not count.
func (a *arena) quiet() {
	time.Sleep(a.task.TTL / 3)
	s := span{from: now()}
	time.Sleep(a.task.TTL)
	s.to = now()
	a.evidence.judgeQuiet(s, a.task.TTL)
}

// verdict says which rules are broken.
func (a *arena) verdict() error {
	a.evidence.judge(a.task.TTL)
	return a.evidence.violations(nil)
}
