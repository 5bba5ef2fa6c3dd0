package demo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A process is a child process, seen from its supervisor.
type process struct {
	task
	cmd     *exec.Cmd
	stdin   io.WriteCloser       // ends the child when it is closed
	reports chan json.RawMessage // of capacity 1, for the only report; closed when stdout is
	stderr  bytes.Buffer
	ended   chan struct{} // closed when the child has, and err is set
	err     error
}

// startProcess starts a child. It is killed when ctx ends.
func startProcess(ctx context.Context, command []string, storeURL string, t task) (*process, error) {
	taskJSON, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	p := &process{task: t, reports: make(chan json.RawMessage, 1), ended: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], string(taskJSON))...)
	p.cmd.Env = append(os.Environ(), "CHECKPOINT_STORE="+storeURL)
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = 5 * time.Second
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", t.Owner, err)
	}
	go p.watch(stdout)
	return p, nil
}

func (p *process) watch(stdout io.Reader) {
	var report json.RawMessage
	if json.NewDecoder(stdout).Decode(&report) == nil {
		p.reports <- report
	}
	close(p.reports)
	_, _ = io.Copy(io.Discard, stdout)
	p.err = p.explain(p.cmd.Wait())
	close(p.ended)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// report waits for the child's report, and reads it into v.
func (p *process) report(v any) error {
	report, ok := <-p.reports
	if ok {
		return json.Unmarshal(report, v)
	}
	<-p.ended
	return cmp.Or(p.err, fmt.Errorf("%s ended without a report", p.Owner))
}

// end asks the child to end in good order.
func (p *process) end() { _, _ = p.stdin.Write([]byte{'.'}) } // the error says that it has ended

// kill ends the child at once: SIGKILL, which it can neither see nor delay.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // the error says that it has ended
	<-p.ended
}

// explain adds to the error of a child that failed what it said on stderr.
func (p *process) explain(err error) error {
	if err == nil {
		return nil
	}
	if said := strings.TrimSpace(p.stderr.String()); said != "" {
		return fmt.Errorf("%s failed: %w: %s", p.Owner, err, said)
	}
	return fmt.Errorf("%s failed: %w", p.Owner, err)
}
