package contention

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/checkpointstore/checkpoint/integration/internal/network"
	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// A process is an instance, as its supervisor sees it.
type process struct {
	name   string
	proxy  *network.Proxy // nil where it uses a file
	leave  func()         // once it has exited
	cmd    *exec.Cmd
	stderr bytes.Buffer
	exited chan struct{}
	err    error // of Wait, once it has exited
}

func startProcess(t task, p *network.Proxy) (*process, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	proc := &process{name: t.Owner, proxy: p, cmd: exec.Command(os.Args[0]), exited: make(chan struct{})}
	// The race detector otherwise waits a second before it lets a process end.
	proc.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", envTask+"="+string(text))
	proc.cmd.Stderr = &proc.stderr
	servertest.DieWithParent(proc.cmd)
	if err := proc.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(proc.exited)
		proc.err = proc.cmd.Wait()
	}()
	return proc, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill ends the process as kill -9 does, stopped or not.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// stop returns when no thread of the process runs any more.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(p.pid(), &status, syscall.WUNTRACED, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return err
		case !status.Stopped():
			return fmt.Errorf("%s has ended: %v", p.name, status)
		default:
			return nil
		}
	}
}

func (p *process) goOn() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// died says what the process has said, if it is dead.
func (p *process) died() error {
	select {
	case <-p.exited:
		return fmt.Errorf("%s has ended by itself: %w\n%s", p.name, p.err, &p.stderr)
	default:
		return nil
	}
}
