// Package standstill lets the monotonic clock of a process stand still while the process
// is stopped, as the clock of a suspended machine does.
//
// A stopped process (SIGSTOP) does not show what a suspend does: the kernel's monotonic
// clock goes on meanwhile. [Enter] puts a function of this package between Go's runtime
// and the kernel's clock. The function subtracts a duration that another process
// changes, by [Clock.Add], before it lets the stopped process go on. So all timers of
// the process are as late as after a suspend. The wall clock stays as it is.
package standstill

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// ErrUnsupported says that this package cannot reach the clock of this platform.
var ErrUnsupported = errors.New("standstill: needs linux/amd64 with a vDSO")

// A Clock is how long the monotonic clock of a process has stood still. Processes share
// it by a file.
type Clock struct {
	memory []byte
	stood  *atomic.Int64
}

const size = 8

// Open opens the Clock in the file at path, and makes the file if it is not there.
func Open(path string) (*Clock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := file.Truncate(size); err != nil {
		return nil, err
	}
	memory, err := syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return &Clock{memory, (*atomic.Int64)(unsafe.Pointer(&memory[0]))}, nil
}

// Add lets the clock stand still for d more. The process must have been stopped for
// longer than d: otherwise its clock would go back.
func (c *Clock) Add(d time.Duration) { c.stood.Add(int64(d)) }

// Stood returns how long the clock has stood still.
func (c *Clock) Stood() time.Duration { return time.Duration(c.stood.Load()) }

// Close ends the use of c. A process that has entered c must not close it.
func (c *Clock) Close() error { return syscall.Munmap(c.memory) }

// Stop stops a child of this process. It returns when no thread of the child runs any
// more.
func Stop(child *os.Process) error {
	if err := child.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(child.Pid, &status, syscall.WUNTRACED, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return err
		case !status.Stopped():
			return fmt.Errorf("standstill: process %d has ended: %v", child.Pid, status)
		default:
			return nil
		}
	}
}
