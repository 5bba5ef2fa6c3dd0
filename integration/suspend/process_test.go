package suspend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/standstill"
	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// A process is a consumer, as its supervisor sees it.
type process struct {
	cmd     *exec.Cmd
	clock   *standstill.Clock
	records reader
	stderr  bytes.Buffer
	exited  chan struct{}
	err     error // of Wait, once it has exited
}

func startProcess(t task, dir string) (*process, error) {
	t.File, t.Clock = filepath.Join(dir, t.Owner), filepath.Join(dir, t.Owner+".clock")
	p := &process{exited: make(chan struct{})}
	var err error
	if p.clock, err = standstill.Open(t.Clock); err != nil {
		return nil, err
	}
	if p.records.file, err = os.OpenFile(t.File, os.O_RDONLY|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(os.Args[0])
	// The race detector otherwise waits a second before it lets a process end.
	p.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", envTask+"="+string(text))
	p.cmd.Stderr = &p.stderr
	servertest.DieWithParent(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.exited)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// away stops the process for d. If isSuspend, its monotonic clock stands still.
func (p *process) away(d time.Duration, isSuspend bool) error {
	if err := standstill.Stop(p.cmd.Process); err != nil {
		return err
	}
	stopped := time.Now()
	time.Sleep(d)
	if isSuspend {
		p.clock.Add(time.Since(stopped))
	}
	return p.cmd.Process.Signal(syscall.SIGCONT)
}

// end calls the process off, and returns what it has said if it has failed.
func (p *process) end() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have exited
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.kill()
		return fmt.Errorf("process %d still runs, %v after SIGTERM", p.cmd.Process.Pid, patience)
	}
	if p.err != nil {
		return fmt.Errorf("%w\n%s", p.err, &p.stderr)
	}
	return nil
}

// kill ends the process if it lives, stopped or not, and what the supervisor has of it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
	p.records.file.Close()
	p.clock.Close()
}
