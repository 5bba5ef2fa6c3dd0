// Package process makes a test binary an instance of a consumer, in a process of its own
// that a supervisor starts, stops and kills.
package process

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/checkpointstore/checkpoint/integration/internal/standstill"
	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// A Process is an instance, as its supervisor sees it.
type Process struct {
	Name   string
	Stderr bytes.Buffer  // whole once it has exited
	Exited chan struct{} // closed once it has
	Err    error         // how it ended, once it has exited
	cmd    *exec.Cmd
}

// environment makes the test binary an instance, and says what it is to do.
const environment = "CHECKPOINT_TEST_TASK"

// Be makes this process an instance, if [Start] has started it: it calls live, with a
// context that SIGTERM ends, and exits. TestMain calls it first.
func Be[Task any](live func(context.Context, Task) error) {
	text, ok := os.LookupEnv(environment)
	if !ok {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var task Task
	err := json.Unmarshal([]byte(text), &task)
	if err == nil {
		err = live(ctx, task)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // the process ends, and its signals with it
	}
	os.Exit(0)
}

// Start starts an instance. Its task is passed on as JSON.
func Start(name string, task any) (*Process, error) {
	text, err := json.Marshal(task)
	if err != nil {
		return nil, err
	}
	p := &Process{Name: name, cmd: exec.Command(os.Args[0]), Exited: make(chan struct{})}
	// The race detector otherwise waits a second before it lets a process end.
	p.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", environment+"="+string(text))
	p.cmd.Stderr = &p.Stderr
	servertest.DieWithParent(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.Exited)
		p.Err = p.cmd.Wait()
	}()
	return p, nil
}

// Kill ends the process, if it lives, as kill -9 does, stopped or not.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.Exited
}

// CallOff sends SIGTERM. From then on the process may end.
func (p *Process) CallOff() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

// Stop returns when no thread of the process runs any more.
func (p *Process) Stop() error { return standstill.Stop(p.cmd.Process) }

// GoOn ends what Stop has begun.
func (p *Process) GoOn() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// Died says what the process has said, if it has ended.
func (p *Process) Died() error {
	select {
	case <-p.Exited:
		return fmt.Errorf("%s has ended by itself: %v\n%s", p.Name, p.cmd.ProcessState, &p.Stderr)
	default:
		return nil
	}
}
