package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A process is a child process, seen from its supervisor.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *json.Decoder
	stderr bytes.Buffer
}

// startProcess starts a child. It is killed when ctx ends.
func startProcess(ctx context.Context, command []string, storeURL string, t task) (*process, error) {
	taskJSON, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	p := &process{name: t.Key}
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
	p.stdout = json.NewDecoder(stdout)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the consumer of %s: %w", t.Key, err)
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// next reads the child's next report into v. It is io.EOF when the child has
// ended.
func (p *process) next(v any) error {
	err := p.stdout.Decode(v)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrClosed) {
		return io.EOF // killed in the middle of a report
	}
	return err
}

// answer lets the child make its next report. An error means that the child
// has ended, which next and wait tell.
func (p *process) answer() { _, _ = p.stdin.Write([]byte{'\n'}) }

// kill ends the child at once: SIGKILL, which it can neither see nor delay.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill the consumer of %s: %w", p.name, err)
	}
	err := p.wait()
	switch {
	case err == nil:
		return fmt.Errorf("the consumer of %s ended before it was killed", p.name)
	case p.stderr.Len() > 0:
		return err // it failed by itself
	}
	return nil
}

// wait waits for the child to end, and returns what it said on stderr if it
// failed.
func (p *process) wait() error {
	_, _ = io.Copy(io.Discard, p.stdout.Buffered())
	err := p.cmd.Wait()
	if err == nil {
		return nil
	}
	said := strings.TrimSpace(p.stderr.String())
	if said == "" {
		return fmt.Errorf("the consumer of %s failed: %w", p.name, err)
	}
	return fmt.Errorf("the consumer of %s failed: %w: %s", p.name, err, said)
}
