package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// nobody runs the servers if the tests run as root, which PostgreSQL refuses.
const nobody = 65534

// A process is a server with its children.
type process struct {
	tb     TB
	folder string
	cmd    *exec.Cmd
	exited chan struct{}
	output *bytes.Buffer
}

// newFolder makes a folder that nobody can use, too. That of TB.TempDir is closed to
// others.
func newFolder(tb TB) string {
	tb.Helper()
	folder, err := os.MkdirTemp("", "pg")
	if err != nil {
		tb.Fatalf("no folder for a server: %v", err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(folder) })
	if os.Getuid() == 0 {
		if err := os.Chown(folder, nobody, nobody); err != nil {
			tb.Fatalf("no folder for a server: %v", err)
		}
	}
	return folder
}

// asNobody makes a program run as nobody if the tests run as root, and end with them.
func asNobody(cmd *exec.Cmd) {
	servertest.DieWithParent(cmd)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
}

// start starts the program, and waits until it is ready.
func (p *process) start(path string, args []string, ready func() bool) error {
	p.output = new(bytes.Buffer)
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = p.output, p.output
	cmd.WaitDelay = time.Second // children may hold the output for a while
	asNobody(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	p.cmd, p.exited = cmd, exited
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	for deadline := time.Now().Add(patience); !ready(); {
		select {
		case <-exited:
			return errors.New("it exited at once")
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.New("it is not ready")
		}
	}
	return nil
}

// Kill ends the server and its children as kill -9 does. Killing them again does
// nothing.
func (p *process) Kill() {
	if p.cmd == nil {
		return
	}
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// Pause stops the server and its children as kill -STOP does: they answer nothing,
// and their connections stay. Resume lets them go on.
func (p *process) Pause() { p.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (p *process) Resume() { p.signal(syscall.SIGCONT) }

// signal reaches the children, too. PostgreSQL puts each of them into a process group of
// its own.
func (p *process) signal(sig syscall.Signal) {
	pid := p.cmd.Process.Pid
	if syscall.Kill(pid, syscall.SIGSTOP) != nil { // so that it starts no more of them
		return
	}
	for _, child := range children(pid) {
		_ = syscall.Kill(child, sig)
	}
	_ = syscall.Kill(pid, sig)
}

func children(of int) (pids []int) {
	out, _ := exec.Command("ps", "-A", "-o", "ppid=,pid=").Output()
	for line := range strings.Lines(string(out)) {
		var parent, pid int
		if _, err := fmt.Sscan(line, &parent, &pid); err == nil && parent == of {
			pids = append(pids, pid)
		}
	}
	return pids
}

// end asks the server to end, and kills it if it does not.
func (p *process) end(how os.Signal) {
	if p.cmd == nil {
		return
	}
	p.Resume()
	_ = p.cmd.Process.Signal(how)
	select {
	case <-p.exited:
	case <-time.After(patience):
	}
	p.Kill()
}
