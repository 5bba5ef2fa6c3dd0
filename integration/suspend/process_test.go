package suspend

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/process"
	"github.com/checkpointstore/checkpoint/integration/internal/records"
	"github.com/checkpointstore/checkpoint/integration/internal/standstill"
)

// A sleeper is a process, as its supervisor sees it.
type sleeper struct {
	*process.Process
	clock   *standstill.Clock
	records *records.Reader[record]
}

func startProcess(t task, dir string) (*sleeper, error) {
	t.File, t.Clock = filepath.Join(dir, t.Owner), filepath.Join(dir, t.Owner+".clock")
	p := &sleeper{}
	var err error
	if p.clock, err = standstill.Open(t.Clock); err != nil {
		return nil, err
	}
	if p.records, err = records.Open[record](t.File); err != nil {
		return nil, err
	}
	p.Process, err = process.Start(t.Owner, t)
	return p, err
}

// away stops the process for d. If isSuspend, its monotonic clock stands still.
func (p *sleeper) away(d time.Duration, isSuspend bool) error {
	if err := p.Stop(); err != nil {
		return err
	}
	stopped := time.Now()
	time.Sleep(d)
	if isSuspend {
		p.clock.Add(time.Since(stopped))
	}
	return p.GoOn()
}

// end calls the process off, and returns what it has said if it has failed.
func (p *sleeper) end() error {
	_ = p.CallOff() // it may have exited
	select {
	case <-p.Exited:
	case <-time.After(patience):
		p.kill()
		return fmt.Errorf("%s still runs, %v after SIGTERM", p.Name, patience)
	}
	if p.Err != nil {
		return fmt.Errorf("%w\n%s", p.Err, &p.Stderr)
	}
	return nil
}

// kill ends the process if it lives, stopped or not, and what the supervisor has of it.
func (p *sleeper) kill() {
	p.Process.Kill()
	p.records.Close()
	p.clock.Close()
}
